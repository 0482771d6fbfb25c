#include "labctl/kubelet/container_log.hpp"

#include <gtest/gtest.h>

namespace labctl::kubelet {
namespace {

std::vector<std::string> texts(const std::vector<LogLine>& lines) {
  std::vector<std::string> result;
  for (const LogLine& line : lines) {
    result.push_back(line.text);
  }
  return result;
}

using Texts = std::vector<std::string>;

TEST(ContainerLog, BytesBecomeLinesHoweverTheyArrive) {
  ContainerLog log;
  log.begin_instance();
  log.append(LogStream::Out, "one\ntw", {});
  log.append(LogStream::Err, "error\n", {});
  log.append(LogStream::Out, "o\n\nfo", {});
  EXPECT_EQ(texts(log.lines({})), (Texts{"one", "error", "two", ""}));
  log.end_instance({});
  EXPECT_EQ(texts(log.lines({})), (Texts{"one", "error", "two", "", "fo"}));
}

TEST(ContainerLog, LinesKeepStreamAndTime) {
  ContainerLog log;
  const objects::TimePoint time = objects::TimePoint(std::chrono::seconds(42));
  log.append(LogStream::Err, "x\n", time);
  EXPECT_EQ(log.lines({}), (std::vector<LogLine>{{time, LogStream::Err, "x"}}));
}

TEST(ContainerLog, TailIsTheLastLines) {
  ContainerLog log;
  log.append(LogStream::Out, "1\n2\n3\n", {});
  EXPECT_EQ(texts(log.lines(2)), (Texts{"2", "3"}));
  EXPECT_EQ(texts(log.lines(0)), Texts{});
  EXPECT_EQ(texts(log.lines(9)), (Texts{"1", "2", "3"}));
}

TEST(ContainerLog, KeepsAMebibyteAndDropsTheOldest) {
  ContainerLog log;
  const std::string line(1023, 'x');
  for (int index = 0; index < 3000; ++index) {
    log.append(LogStream::Out, std::to_string(index % 10) + line + "\n", {});
  }
  std::size_t bytes = 0;
  for (const LogLine& kept : log.lines({})) {
    bytes += kept.text.size();
  }
  EXPECT_LE(bytes, ContainerLog::kMaxBytes);
  EXPECT_EQ(log.lines(1)[0].text[0], '9');
}

TEST(ContainerLog, EmptyLinesAreBoundedToo) {
  ContainerLog log;
  log.append(LogStream::Out, std::string(100'000, '\n'), {});
  EXPECT_EQ(log.lines({}).size(), ContainerLog::kMaxLines);
}

TEST(ContainerLog, LongLineIsCut) {
  ContainerLog log;
  log.append(LogStream::Out, std::string(ContainerLog::kMaxLine + 5, 'x') + "\n", {});
  ASSERT_EQ(log.lines({}).size(), 2u);
  EXPECT_EQ(log.lines({})[1].text, "xxxxx");
}

TEST(ContainerLog, InstanceBeforeIsKept) {
  ContainerLog log;
  log.begin_instance();
  EXPECT_FALSE(log.has_previous());
  log.append(LogStream::Out, "first\n", {});
  log.end_instance({});
  log.begin_instance();
  log.append(LogStream::Out, "second\n", {});
  EXPECT_EQ(texts(log.lines({}, true)), Texts{"first"});
  EXPECT_EQ(texts(log.lines({})), Texts{"second"});
}

TEST(ContainerLog, FollowersGetWhatComesAndTheEnd) {
  ContainerLog log;
  log.append(LogStream::Out, "before\n", {});
  Texts seen;
  int ends = 0;
  log.follow([&](const LogLine& line) { seen.push_back(line.text); }, [&] { ++ends; });
  log.append(LogStream::Out, "after\nlast", {});
  log.end_instance({});
  log.begin_instance();
  log.append(LogStream::Out, "next instance\n", {});
  EXPECT_EQ(seen, (Texts{"after", "last"}));
  EXPECT_EQ(ends, 1);
}

TEST(ContainerLog, FollowerMayLeaveFromItsOwnCall) {
  ContainerLog log;
  int lines = 0;
  ContainerLog::FollowerId id = 0;
  id = log.follow(
      [&](const LogLine&) {
        ++lines;
        log.unfollow(id);
      },
      [] { FAIL() << "left before the end"; });
  log.append(LogStream::Out, "1\n2\n", {});
  log.end_instance({});
  EXPECT_EQ(lines, 1);
}

TEST(ContainerLog, FollowersAreToldWhenTheLogGoes) {
  int ends = 0;
  {
    ContainerLog log;
    log.follow([](const LogLine&) {}, [&] { ++ends; });
  }
  EXPECT_EQ(ends, 1);
}

}  // namespace
}  // namespace labctl::kubelet
