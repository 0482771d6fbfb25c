#include "labctl/commands/probe_stream.hpp"

#include "fake_lab.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <sstream>
#include <thread>

namespace labctl::commands {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;

// Answers each probe with the outcome its "to" names last: "...-refused:80" is refused.
api::Response answer_stream(const api::Request& request) {
  api::Response response;
  std::istringstream lines(request.body);
  for (std::string line; std::getline(lines, line);) {
    const Json probe = Json::parse(line);
    const std::string to = probe["to"];
    const bool refused = to.find("refused") != std::string::npos;
    response.body +=
        Json{{"id", probe["id"]}, {"outcome", refused ? "refused" : "ok"}, {"tries", 1}}.dump() + "\n";
  }
  return response;
}

struct Collected {
  ProbeStreamEnd end;
  std::vector<Json> results;
  std::vector<std::string> bad;
};

class ProbeStream : public testing::Test {
 protected:
  ProbeStream() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    read_.reset(fds[0]);
    write_.reset(fds[1]);
  }
  void feed(const std::string& text) {
    ASSERT_EQ(::write(write_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  Collected run(const FakeLab& lab, std::optional<api::ProbeExpectation> expect = {}) {
    ProbeStreamOptions options;
    options.socket = lab.socket();
    options.expect = std::move(expect);
    Collected out;
    out.end = stream_probes(
        read_.get(), options, [&](const report::ProbeLine& probe) { out.results.push_back(to_json(probe)); },
        [&](size_t line, const std::string& what) { out.bad.push_back(std::to_string(line) + ": " + what); });
    return out;
  }

  RuntimeFolder folder_;
  UniqueFd read_, write_;
};

TEST_F(ProbeStream, KeepsIdsOfAnyKindAndCompletesNames) {
  const FakeLab lab("shop", answer_stream);
  feed(R"({"id":"x","from":"a","to":"b:80"})"
       "\n"
       R"({"id":{"n":1},"from":"node/n","to":"pod/b"})"
       "\n"
       R"({"from":"a","to":"10.0.0.1"})");
  write_.reset();
  Collected got = run(lab);
  ASSERT_EQ(got.results.size(), 3U);
  std::map<std::string, Json> by_id;
  for (const Json& result : got.results) {
    by_id[result.contains("id") ? result["id"].dump() : "line " + result["line"].dump()] = result;
  }
  EXPECT_EQ(by_id["\"x\""]["from"], "pod/default/a");
  EXPECT_EQ(by_id["\"x\""]["to"], "pod/default/b:80");
  EXPECT_EQ(by_id["{\"n\":1}"]["to"], "pod/default/b");
  EXPECT_EQ(by_id["line 3"]["to"], "icmp:10.0.0.1");
}

TEST_F(ProbeStream, AnswersBeforeItsInputEnds) {
  const FakeLab lab("shop", answer_stream);
  std::promise<void> answered;
  ProbeStreamOptions options;
  options.socket = lab.socket();
  auto stream = std::async(std::launch::async, [&] {
    return stream_probes(
        read_.get(), options, [&](const report::ProbeLine&) { answered.set_value(); },
        [](size_t, const std::string&) {});
  });
  feed(R"({"id":1,"from":"a","to":"b:80"})"
       "\n");
  EXPECT_EQ(answered.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  write_.reset();
  EXPECT_EQ(stream.get().probes, 1U);
}

TEST_F(ProbeStream, JudgesWhatIsExpected) {
  const FakeLab lab("shop", answer_stream);
  feed(R"({"id":1,"from":"a","to":"b-refused:80","expect":"refused"})"
       "\n"
       R"({"id":2,"from":"a","to":"b-refused:80","expect":{"outcome":["ok","timeout"]}})"
       "\n"
       R"({"id":3,"from":"a","to":"b:80"})"
       "\n");
  write_.reset();
  const Collected got = run(lab);
  EXPECT_EQ(got.end.unexpected, 1U);
  for (const Json& result : got.results) {
    if (result["id"] == 2) {
      EXPECT_EQ(result["why"], "wanted ok, timeout, seen refused");
    }
    EXPECT_EQ(result.contains("passed"), result["id"] != 3);
  }
}

TEST_F(ProbeStream, ReportsBadLinesByNumberAndGoesOn) {
  const FakeLab lab("shop", answer_stream);
  feed(
      "not json\n\n"
      R"({"id":1,"from":"a","to":"b:80"})"
      "\n"
      R"({"from":1,"to":"b"})"
      "\n"
      R"({"from":"a","to":"b","expect":"frob"})"
      "\n");
  write_.reset();
  const Collected got = run(lab);
  EXPECT_THAT(got.bad,
              ElementsAre(testing::StartsWith("1: not a JSON object"), "4: from: 1: must be a string",
                          testing::StartsWith("5: expect \"frob\"")));
  EXPECT_EQ(got.end.bad_lines, 3U);
}

// Whoever waits for the answer to an id gets one.
TEST_F(ProbeStream, AnswersAlsoProbesThatCannotBeMade) {
  const FakeLab lab("shop", answer_stream);
  feed(R"({"id":"x","from":"a","to":"b:80","proto":"tpc","count":0})"
       "\n"
       R"({"id":"y","to":"b"})"
       "\n");
  write_.reset();
  const Collected got = run(lab);
  ASSERT_EQ(got.results.size(), 2U);
  EXPECT_EQ(got.results[0], Json({{"id", "x"},
                                  {"from", "a"},
                                  {"to", "b:80"},
                                  {"outcome", "inconclusive"},
                                  {"error", got.results[0]["error"]}}));
  EXPECT_THAT(got.results[0]["error"].get<std::string>(),
              testing::AllOf(testing::HasSubstr("proto: \"tpc\""), testing::HasSubstr("count: 0")));
  EXPECT_EQ(got.results[1]["error"], "from: is required");
}

TEST_F(ProbeStream, KeepsSomeBatchesUnderWayAndNoMore) {
  std::atomic<int> now{0}, most{0};
  std::atomic<size_t> most_lines{0};
  const FakeLab lab("shop", [&](const api::Request& request) {
    const int here = ++now;
    for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
    }
    const auto lines = static_cast<size_t>(std::count(request.body.begin(), request.body.end(), '\n'));
    for (size_t seen = most_lines; lines > seen && !most_lines.compare_exchange_weak(seen, lines);) {
    }
    api::Response response = answer_stream(request);
    --now;
    return response;
  });
  std::thread writer([&] {
    std::string text;
    for (int i = 0; i < 20'000; ++i) {
      text += R"({"id":)" + std::to_string(i) +
              R"(,"from":"a","to":"b:80"})"
              "\n";
    }
    for (size_t at = 0; at < text.size();) {
      const ssize_t put = ::write(write_.get(), text.data() + at, text.size() - at);
      ASSERT_GT(put, 0);
      at += static_cast<size_t>(put);
    }
    write_.reset();
  });
  const Collected got = run(lab);
  writer.join();
  EXPECT_EQ(got.end.probes, 20'000U);
  EXPECT_LE(most, 4);
  EXPECT_LE(most_lines, 500U);
}

TEST_F(ProbeStream, ThrowsWhenTheLabIsGone) {
  const FakeLab lab("shop", [](const api::Request&) -> api::Response {
    throw Error(ErrorKind::Kernel, "the engine stopped");
  });
  feed(R"({"id":1,"from":"a","to":"b:80"})"
       "\n");
  write_.reset();
  EXPECT_THROW(run(lab), Error);
}

TEST(Target, IsCompletedWhereItIsShort) {
  EXPECT_EQ(complete_target("web-0:80", "shop"), "pod/shop/web-0:80");
  EXPECT_EQ(complete_target("pod/web-0", "shop"), "pod/shop/web-0");
  EXPECT_EQ(complete_target("svc/web:http", "shop"), "svc/shop/web:http");
  EXPECT_EQ(complete_target("svc", "shop"), "pod/shop/svc");
  EXPECT_EQ(complete_target("2001:db8::1", "shop"), "icmp:2001:db8::1");
}

TEST(Target, MayBeSaidInTheWordsOfAVantage) {
  for (const char* from : {"po/a", "pods/a", "po/shop/a", "shop/pod/a", "no/node-1", "nodes/node-1"}) {
    EXPECT_EQ(complete_target(std::string(from) + ":80", "shop"), api::parse_vantage(from, "shop") + ":80");
    EXPECT_EQ(complete_target(from, "shop"), api::parse_vantage(from, "shop"));
  }
}

TEST(Target, IsLeftToTheLabWhereItIsNone) {
  for (const char* target : {"", ":80", "pod/:80", "shop/a:80", "pod/a/b/c:80", "svc/a/b/c:80", "svc/"}) {
    EXPECT_NO_THROW(complete_target(target, "shop")) << target;
  }
}

TEST(Target, IsLeftAsItIsWhereItIsComplete) {
  for (const char* target : {"10.0.0.1:80", "[2001:db8::1]:80", "pod/a/b:80", "node/node-1", "outside/www:80",
                             "http://10.0.0.1/x", "web.shop:80", "icmp:10.0.0.1", "dns:web/A@10.0.0.1"}) {
    EXPECT_EQ(complete_target(target, "shop"), target);
  }
}

}  // namespace
}  // namespace labctl::commands
