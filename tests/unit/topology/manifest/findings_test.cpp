#include "topology/manifest/yaml/findings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Place at(int line, int column = 1) { return {nullptr, {line, column}, {line, column}, 0, nullptr, {}, -1}; }

TEST(Findings, ComeInTheOrderOfTheFile) {
  Findings findings({"a", "b"}, false);
  Place second = at(1);
  second.source = 1;
  findings.error(second, "third");
  findings.error(at(9), "second");
  findings.warning(at(2), "first");
  std::vector<std::string> messages;
  for (const Diagnostic& diagnostic : findings.take()) {
    messages.push_back(diagnostic.message);
  }
  EXPECT_THAT(messages, ElementsAre("first", "second", "third"));
}

TEST(Findings, RepeatedOnesAreListedOnceWithTheirNumber) {
  Findings findings({"a"}, false);
  for (int line = 3; line < 33; ++line) {
    findings.repeated(at(line), {"x", "odd", "", true, true});
  }
  const auto list = findings.take();
  ASSERT_THAT(list, SizeIs(1));
  EXPECT_EQ(to_string(list[0]), "a:3:1: warning: odd (30 times, first here)");
}

TEST(Findings, StrictMakesSomeOfThemErrors) {
  Findings findings({"a"}, true);
  findings.repeated(at(1), {"x", "unknown", "", true, true});
  findings.repeated(at(2), {"y", "no effect", "", true, false});
  const auto list = findings.take();
  EXPECT_EQ(list.at(0).severity, Severity::Error);
  EXPECT_EQ(list.at(1).severity, Severity::Warning);
  EXPECT_EQ(findings.errors(), 0u);
}

TEST(Findings, AreBoundedButKeepAnError) {
  Findings findings({"a"}, false);
  for (int i = 1; i <= 5000; ++i) {
    findings.warning(at(i), "w");
  }
  findings.error(at(1), "the error");
  const auto list = findings.take();
  EXPECT_THAT(list, SizeIs(1002));
  EXPECT_TRUE(has_errors(list));
  EXPECT_EQ(list.back().message, "too many findings: 4000 more are not listed");
}

TEST(Place, PathReadsAsUsersWriteIt) {
  const Place root = at(1);
  const Place labels{nullptr, {}, {}, 0, &root, "labels", -1};
  const Place key{nullptr, {}, {}, 0, &labels, "example.com/a b", -1};
  const Place items{nullptr, {}, {}, 0, &root, "items", -1};
  const Place item{nullptr, {}, {}, 0, &items, {}, 3};
  EXPECT_EQ(root.path(), "");
  EXPECT_EQ(key.path(), "labels[\"example.com/a b\"]");
  EXPECT_EQ(item.path(), "items[3]");
}

TEST(InQuotes, CutsAndEscapes) {
  EXPECT_EQ(in_quotes("a\nb\tc"), "\"a\\nb\\tc\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(61, 'x') + "...\"");
  EXPECT_EQ(in_quotes(std::string(60, 'x') + "\xc3\xa9" + std::string(9, 'x')),
            "\"" + std::string(60, 'x') + "...\"");
}

TEST(Nearest, FindsTyposAndCase) {
  EXPECT_EQ(nearest("imagePulPolicy", {"image", "imagePullPolicy"}), "imagePullPolicy");
  EXPECT_EQ(nearest("lables", {"labels", "name"}), "labels");
  EXPECT_EQ(nearest("always", {"Always", "Never"}), "Always");
  EXPECT_EQ(nearest("xyz", {"labels", "name"}), "");
  EXPECT_EQ(nearest("", {"a"}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), {"a"}), "");
}

TEST(Nearest, DoesNotTakeNumbersForTypos) {
  EXPECT_EQ(nearest("node-3", {"node-1", "node-2"}), "");
  EXPECT_EQ(nearest("node1", {"node-1", "node-2"}), "node-1");
}

TEST(Either, JoinsWords) {
  EXPECT_EQ(either({"a"}), "a");
  EXPECT_EQ(either({"a", "b"}), "a or b");
  EXPECT_EQ(either({"a", "b", "c"}), "a, b or c");
}

}  // namespace
}  // namespace labctl::manifest
