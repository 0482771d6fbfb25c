#include "labctl/scenario/flow.hpp"

#include "labctl/api/server.hpp"
#include "labctl/api/unix_socket.hpp"
#include "tests/support/temp_dir.hpp"
#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <string>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using namespace std::chrono_literals;

const api::ProbeRequest kRequest = api::parse_probe(
    {{"id", 1}, {"from", "pod/default/a"}, {"to", "svc/default/web:80"}, {"timeout_ms", 500}});

// As the folders of labs are.
std::filesystem::path make_private(std::filesystem::path folder) {
  EXPECT_EQ(::mkdir(folder.c_str(), 0700), 0);
  return folder;
}

// A lab that answers probes with what `answer` gives.
class FlowLab {
 public:
  explicit FlowLab(std::function<json()> answer)
      : server_(api::listen_unix(socket()), [this, answer = std::move(answer)](const api::Request&) {
          api::Response response;
          response.body = answer().dump() + "\n";
          {
            const std::lock_guard lock(mutex_);
            ++answered_;
          }
          changed_.notify_all();
          return response;
        }) {}

  std::filesystem::path socket() const { return lab_ / "api.sock"; }
  void wait_for(int answers) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_ >= answers; });
  }

 private:
  support::TempDir folder_;
  std::filesystem::path lab_ = make_private(folder_.path() / "shop");
  std::mutex mutex_;
  std::condition_variable changed_;
  int answered_ = 0;
  api::Server server_;
};

// Ends it at once.
FlowRecord stop_now(Flows& flows, const std::string& name) {
  const std::atomic<int> stop = SIGINT;
  return flows.stop(name, {}, std::chrono::steady_clock::now(), stop);
}

// Ends it when it has what is expected, in generous time.
FlowRecord stop_when_settled(Flows& flows, const std::string& name, const FlowExpectation& expect) {
  const std::atomic<int> stop = 0;
  return flows.stop(name, expect, std::chrono::steady_clock::now() + 60s, stop);
}

FlowRecord record_of(std::uint64_t sent, std::uint64_t ok) {
  FlowRecord record;
  record.sent = sent;
  record.ok = ok;
  for (std::uint64_t i = ok; i < sent; ++i) {
    record.failures.push_back({std::chrono::milliseconds(i), "the pod moves", "refused", ""});
  }
  return record;
}

TEST(Flow, CountsItsAnswersAndWhoGaveThem) {
  FlowLab lab([] { return json{{"outcome", "ok"}, {"backend", "pod/default/web-0"}}; });
  Flows flows(lab.socket());
  flows.start("web", kRequest, 1ms);
  lab.wait_for(5);
  const FlowRecord record = stop_now(flows, "web");
  EXPECT_GE(record.sent, 5u);
  EXPECT_EQ(record.ok, record.sent);
  EXPECT_EQ(record.backends.at("pod/default/web-0"), record.sent);
  EXPECT_TRUE(judge_flow({}, record).passed);
}

TEST(Flow, LaysAFailureToTheStepThatRan) {
  std::atomic<bool> is_broken = false;
  FlowLab lab([&] { return json{{"outcome", is_broken ? "refused" : "ok"}}; });
  Flows flows(lab.socket());
  flows.step_begins("traffic");
  flows.start("web", kRequest, 1ms);
  flows.step_begins("the pod goes");
  lab.wait_for(20);
  is_broken = true;
  lab.wait_for(40);
  const FlowRecord record = stop_now(flows, "web");
  ASSERT_FALSE(record.failures.empty());
  EXPECT_EQ(record.failures.back().step, "the pod goes");
  EXPECT_EQ(record.failures.back().outcome, "refused");
  EXPECT_EQ(record.sent, record.ok + record.failures.size());
}

TEST(Flow, OneWithoutAnAnswerHoldsUpNoOther) {
  std::mutex mutex;
  std::condition_variable changed;
  int held = 0, answered = 0;
  FlowLab lab([&] {
    std::unique_lock lock(mutex);
    if (answered == 1 && held == 0) {
      ++held;
      changed.wait(lock, [&] { return answered >= 10; });
      return json{{"outcome", "timeout"}};
    }
    ++answered;
    changed.notify_all();
    return json{{"outcome", "ok"}};
  });
  Flows flows(lab.socket());
  flows.start("web", kRequest, 1ms);
  lab.wait_for(11);
  const FlowRecord record = stop_now(flows, "web");
  EXPECT_EQ(record.failures.size(), 1u);
  EXPECT_GE(record.ok, 10u);
}

TEST(Flow, GoesOnUntilAsManyAreSentAsExpected) {
  FlowLab lab([] { return json{{"outcome", "ok"}}; });
  Flows flows(lab.socket());
  flows.start("web", kRequest, 1ms);
  const FlowExpectation expect{.sent = 60};
  const FlowRecord record = stop_when_settled(flows, "web", expect);
  EXPECT_EQ(judge_flow(expect, record).message, "");
}

TEST(Flow, GoesOnUntilEveryBackendExpectedHasAnswered) {
  for (const char* field : {"backends", "backendsInclude"}) {
    std::atomic<int> asked = 0;
    FlowLab lab([&] {
      return json{{"outcome", "ok"}, {"backend", ++asked > 30 ? "pod/default/b" : "pod/default/a"}};
    });
    Flows flows(lab.socket());
    flows.start("web", kRequest, 1ms);
    const FlowExpectation expect = parse_flow_expectation({{field, {"pod/default/a", "pod/default/b"}}});
    EXPECT_EQ(judge_flow(expect, stop_when_settled(flows, "web", expect)).message, "") << field;
  }
}

TEST(Flow, EndsUnsettledWhenItsTimeIsOverOrTheRunIsToEnd) {
  FlowLab lab([] { return json{{"outcome", "ok"}, {"backend", "pod/default/a"}}; });
  const FlowExpectation expect{.sent = 1'000'000'000};
  for (const int signal : {0, SIGTERM}) {
    Flows flows(lab.socket());
    flows.start("web", kRequest, 1ms);
    const std::atomic<int> stop = signal;
    const auto until = std::chrono::steady_clock::now() + (signal == 0 ? 0s : 3600s);
    EXPECT_FALSE(judge_flow(expect, flows.stop("web", expect, until, stop)).passed);
  }
}

TEST(Flow, ARequestTheLabRefusesDoesNotStart) {
  FlowLab lab([] { return json{{"outcome", "inconclusive"}, {"error", "no pod \"a\""}, {"hint", "look"}}; });
  Flows flows(lab.socket());
  try {
    flows.start("web", kRequest, 1ms);
    FAIL() << "started";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "no pod \"a\"");
    EXPECT_EQ(error.hint(), "look");
  }
  EXPECT_THROW(stop_now(flows, "web"), Error);
}

TEST(Flow, NamesAreForOneAtATime) {
  FlowLab lab([] { return json{{"outcome", "ok"}}; });
  Flows flows(lab.socket());
  flows.start("web", kRequest, 1ms);
  EXPECT_THROW(flows.start("web", kRequest, 1ms), Error);
  EXPECT_THROW(stop_now(flows, "wib"), Error);
  stop_now(flows, "web");
  flows.start("web", kRequest, 1ms);  // ends with its owner
}

TEST(FlowExpectation, NoneMayFailUnlessSaid) {
  EXPECT_TRUE(judge_flow({}, record_of(100, 100)).passed);
  const Attempt attempt = judge_flow({}, record_of(100, 98));
  EXPECT_EQ(attempt.message, "wanted no failure, seen 2 of 100");
  EXPECT_THAT(attempt.details, HasSubstr("after 99ms, at step \"the pod moves\": refused"));
}

TEST(FlowExpectation, LimitsAreThemselvesAllowed) {
  EXPECT_TRUE(judge_flow(parse_flow_expectation({{"okPercent", 99}}), record_of(100, 99)).passed);
  EXPECT_EQ(judge_flow(parse_flow_expectation({{"okPercent", 99.5}}), record_of(100, 99)).message,
            "wanted at least 99.5% ok, seen 99 of 100");
  EXPECT_TRUE(judge_flow(parse_flow_expectation({{"failed", 2}}), record_of(100, 98)).passed);
  EXPECT_EQ(judge_flow(parse_flow_expectation({{"failed", 1}}), record_of(100, 98)).message,
            "wanted at most 1 failures, seen 2 of 100");
  EXPECT_TRUE(judge_flow(parse_flow_expectation({{"sent", 100}}), record_of(100, 100)).passed);
  EXPECT_EQ(judge_flow(parse_flow_expectation({{"sent", 101}}), record_of(100, 100)).message,
            "wanted at least 101 sent, seen 100");
}

TEST(FlowExpectation, WhoAnsweredIsHeldAgainstTheWholeFlow) {
  FlowRecord record = record_of(10, 10);
  record.backends = {{"pod/default/a", 4}, {"pod/default/b", 6}};
  EXPECT_TRUE(
      judge_flow(parse_flow_expectation({{"backends", {"pod/default/b", "pod/default/a"}}}), record).passed);
  EXPECT_EQ(judge_flow(parse_flow_expectation({{"backends", {"pod/default/a"}}}), record).message,
            "wanted answers of pod/default/a, seen of pod/default/a, pod/default/b");
  EXPECT_TRUE(judge_flow(parse_flow_expectation({{"backendsInclude", {"pod/default/a"}}}), record).passed);
  EXPECT_FALSE(judge_flow(parse_flow_expectation({{"backendsInclude", {"pod/default/c"}}}), record).passed);
}

TEST(FlowExpectation, RefusesWhatItCannotMean) {
  for (const json& wrong : {json{{"okPercent", "99"}}, json{{"failed", -1}}, json{{"sent", 1.5}},
                            json{{"backends", 5}}, json{{"fail", 1}}, json("ok")}) {
    EXPECT_THROW(parse_flow_expectation(wrong), Error) << wrong;
  }
}

TEST(FlowExpectation, IsSettledWhenMoreProbesCouldNotTurnIt) {
  FlowRecord record = record_of(10, 9);
  record.backends = {{"pod/default/a", 4}, {"pod/default/b", 5}};
  const json allowed{{"failed", 1}};
  const auto settled = [&](const json& expect) {
    json with_failures = allowed;
    with_failures.update(expect);
    return is_flow_settled(parse_flow_expectation(with_failures), record);
  };
  EXPECT_TRUE(settled(json::object()));
  EXPECT_TRUE(settled({{"sent", 10}}));
  EXPECT_FALSE(settled({{"sent", 11}}));
  EXPECT_TRUE(settled({{"backends", {"pod/default/a", "pod/default/b"}}}));
  EXPECT_FALSE(settled({{"backends", {"pod/default/a", "pod/default/b", "pod/default/c"}}}));
  EXPECT_FALSE(settled({{"backendsInclude", {"pod/default/c"}}}));
  // What is ruled out has happened.
  EXPECT_TRUE(settled({{"sent", 11}, {"backends", {"pod/default/a"}}}));
  EXPECT_TRUE(settled({{"sent", 11}, {"failed", 0}}));
  EXPECT_TRUE(is_flow_settled(parse_flow_expectation({{"sent", 11}}), record)) << "none may fail unless said";
  EXPECT_FALSE(is_flow_settled(parse_flow_expectation({{"sent", 11}, {"okPercent", 99}}), record));
  record.error = "the lab went away";
  EXPECT_TRUE(is_flow_settled(parse_flow_expectation({{"sent", 11}, {"okPercent", 99}}), record));
}

TEST(FlowExpectation, WhatCouldNotGoOnIsBroken) {
  FlowRecord record = record_of(3, 3);
  record.error = "lab \"x\": the lab went away";
  const Attempt attempt = judge_flow(parse_flow_expectation({{"failed", 0}}), record);
  EXPECT_TRUE(attempt.broken);
  EXPECT_EQ(attempt.message, record.error);
}

}  // namespace
}  // namespace labctl::scenario
