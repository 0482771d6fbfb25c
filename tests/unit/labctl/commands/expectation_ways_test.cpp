// What a probe is expected to give means the same wherever it is said: with --expect, in a line of probe -f,
// in a scenario and at the end of a flow. Each row is an expectation, a result, and what is then said; each
// way that can say the expectation has to come to just that.

#include "fake_lab.hpp"
#include "labctl/commands/probe_stream.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "tests/support/run_program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iterator>
#include <optional>
#include <ostream>
#include <vector>

namespace labctl::commands {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* kGraph = R"({"nodes": [{"name": "n", "addresses": ["192.168.50.11"],
    "pods": [{"namespace": "default", "name": "a", "ips": ["10.244.1.2"]}]}]})";

struct Row {
  const char* expect;
  const char* result;
  const char* why;  // empty: as expected
};

constexpr Row kRows[] = {
    {R"("ok")", R"({"outcome": "ok", "tries": 1})", ""},
    {R"("ok")", R"({"outcome": "refused", "tries": 1, "reason": "nobody listens"})",
     "wanted ok, seen refused (nobody listens)"},
    {R"("refused,reset")", R"({"outcome": "reset", "tries": 1})", ""},
    {R"("refused,reset")", R"({"outcome": "timeout", "tries": 1})", "wanted refused, reset, seen timeout"},
    {R"("fail")", R"({"outcome": "timeout", "tries": 1})", ""},
    {R"("fail")", R"({"outcome": "inconclusive", "tries": 1})", "wanted fail, seen inconclusive"},
    {R"("inconclusive")", R"({"outcome": "inconclusive", "tries": 1})", ""},
    // Of several tries the outcome is ok if each was, else the most frequent other.
    {R"("refused")", R"({"outcome": "refused", "tries": 10, "outcomes": {"ok": 9, "refused": 1}})", ""},
    {R"("ok")", R"({"outcome": "refused", "tries": 10, "outcomes": {"ok": 9, "refused": 1}})",
     "wanted ok, seen refused"},
    // What is not said of the outcome is ok.
    {R"({"backends": ["pod/default/b"]})",
     R"({"outcome": "timeout", "tries": 1, "backend": "pod/default/b"})", "wanted ok, seen timeout"},
    // Exactly these, over all tries, be it one.
    {R"({"backends": ["pod/default/b"]})", R"({"outcome": "ok", "tries": 1, "backend": "pod/default/b"})",
     ""},
    {R"({"backends": "pod/default/b"})", R"({"outcome": "ok", "tries": 1, "backend": "pod/default/c"})",
     "wanted answers of pod/default/b, seen of pod/default/c"},
    {R"({"backends": ["pod/default/b", "pod/default/c"]})",
     R"({"outcome": "ok", "tries": 1, "backend": "pod/default/b"})",
     "wanted answers of pod/default/b, pod/default/c, seen of pod/default/b"},
    {R"({"backends": ["pod/default/b"]})", R"({"outcome": "ok", "tries": 1})",
     "wanted answers of pod/default/b, seen of nobody"},
    {R"({"backendsInclude": ["pod/default/c"]})",
     R"({"outcome": "ok", "tries": 1, "backend": "pod/default/b"})",
     "wanted an answer of pod/default/c, seen answers of pod/default/b"},
    {R"({"backends": ["pod/default/b", "pod/default/c"]})",
     R"({"outcome": "ok", "tries": 4, "responses": {"pod/default/b": 3, "pod/default/c": 1}})", ""},
    {R"({"shares": {"pod/default/b": 0.5}})",
     R"({"outcome": "ok", "tries": 4, "responses": {"pod/default/b": 3, "pod/default/c": 1}})",
     "wanted 50% (give or take 10%) of the answers by pod/default/b, seen 75% of 4"},
    {R"({"source": "client"})", R"({"outcome": "ok", "tries": 1, "source": "10.244.1.2"})", ""},
    {R"({"source": "node"})", R"({"outcome": "ok", "tries": 1, "source": "10.244.1.2"})",
     "wanted source node (192.168.50.11), seen source 10.244.1.2"},
    {R"({"source": "10.0.0.1"})", R"({"outcome": "ok", "tries": 1})",
     "wanted source 10.0.0.1, seen an unknown source"},
    {R"({"status": 503, "body": {"contains": "b"}})",
     R"({"outcome": "ok", "tries": 1, "status": 200, "body": "abc"})", "wanted status 503, seen status 200"},
    {R"({"rcode": "NXDOMAIN", "queries": 1})", R"({"outcome": "ok", "tries": 1})",
     "wanted rcode NXDOMAIN, seen no reply; wanted 1 queries, seen 0"},
    {R"({"outcome": ["ok"]})", R"({"outcome": "inconclusive", "error": "no such pod", "hint": "look"})",
     "no such pod"},
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.expect << " of " << row.result; }

// A list of outcomes in one text is all that --expect takes.
bool is_for_command_line(const Row& row) { return json::parse(row.expect).is_string(); }

// A flow expects who answered; how many probes may fail it says otherwise, and each of them is one try.
bool is_for_flow(const Row& row) {
  const json expect = json::parse(row.expect);
  const json result = json::parse(row.result);
  return expect.is_object() && result["outcome"] == "ok" && result.value("tries", 0) == 1 &&
         (expect.contains("backends") || expect.contains("backendsInclude"));
}

std::vector<Row> rows_for(bool (*is_wanted)(const Row&)) {
  std::vector<Row> rows;
  std::copy_if(std::begin(kRows), std::end(kRows), std::back_inserter(rows), is_wanted);
  return rows;
}

class ExpectationWays : public testing::TestWithParam<Row> {
 protected:
  api::Response answer(const api::Request& request) const {
    api::Response response;
    if (request.path == "/lab/v1/graph") {
      response.body = kGraph;
      return response;
    }
    json result = json::parse(GetParam().result);
    result["id"] = json::parse(request.body.substr(0, request.body.find('\n')))["id"];
    response.body = result.dump() + "\n";
    return response;
  }
  json expect() const { return json::parse(GetParam().expect); }
  // As a scenario says it.
  json fields() const { return expect().is_object() ? expect() : json{{"outcome", expect()}}; }
  bool is_made() const { return !json::parse(GetParam().result).contains("error"); }

  RuntimeFolder folder_;
  FakeLab lab_{"shop", [this](const api::Request& request) { return answer(request); }};
};

class ExpectationOnCommandLine : public ExpectationWays {};
class ExpectationOfFlow : public ExpectationWays {};

TEST_P(ExpectationOnCommandLine, MeansTheSame) {
  const auto result = support::run_program({.command = {support::labctl_program(), "probe", "a", "b:80", "-o",
                                                        "json", "--expect", expect().get<std::string>()},
                                            .env = {{"LABCTL_RUNTIME_DIR", folder_.path().string()}},
                                            .directory = {},
                                            .input = {}});
  const json probe = json::parse(result.out);
  EXPECT_EQ(probe.value("why", ""), GetParam().why);
  EXPECT_EQ(probe["passed"], std::string(GetParam().why).empty());
  EXPECT_EQ(result.exit_code, std::string(GetParam().why).empty() ? 0 : 1);
}

TEST_P(ExpectationWays, InALineOfABatch) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd input(ends[0]);
  UniqueFd feed(ends[1]);
  const std::string line = json{{"from", "a"}, {"to", "b:80"}, {"expect", expect()}}.dump();
  ASSERT_EQ(::write(feed.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  feed.reset();
  std::optional<report::ProbeLine> probe;
  ProbeStreamOptions options;
  options.socket = lab_.socket();
  stream_probes(
      input.get(), options, [&](const report::ProbeLine& one) { probe = one; },
      [](size_t, const std::string&) {});
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->why, GetParam().why);
  EXPECT_EQ(probe->passed, std::string(GetParam().why).empty());
}

TEST_P(ExpectationWays, InAScenario) {
  api::Client client(lab_.socket());
  scenario::Flows flows(lab_.socket());
  std::atomic<int> stop = 0;
  scenario::Context context{client, {}, stop, std::chrono::steady_clock::now() + 60s, flows};
  const scenario::Attempt attempt = scenario::do_probe(
      context, {{"from", "pod/default/a"}, {"to", "pod/default/b:80"}, {"expect", fields()}});
  EXPECT_EQ(attempt.message, GetParam().why);
  EXPECT_EQ(attempt.passed, std::string(GetParam().why).empty());
  EXPECT_EQ(attempt.broken, !is_made());
}

TEST_P(ExpectationOfFlow, MeansTheSameAtItsEnd) {
  scenario::Flows flows(lab_.socket());
  flows.start("f", api::parse_probe({{"from", "pod/default/a"}, {"to", "pod/default/b:80"}}), 1ms);
  const scenario::FlowExpectation expect = scenario::parse_flow_expectation(fields());
  const std::atomic<int> stop = SIGINT;
  const scenario::Attempt attempt =
      judge_flow(expect, flows.stop("f", expect, std::chrono::steady_clock::now(), stop));
  EXPECT_EQ(attempt.message, GetParam().why);
  EXPECT_EQ(attempt.passed, std::string(GetParam().why).empty());
}

INSTANTIATE_TEST_SUITE_P(Rows, ExpectationWays, testing::ValuesIn(kRows));
INSTANTIATE_TEST_SUITE_P(Rows, ExpectationOnCommandLine, testing::ValuesIn(rows_for(is_for_command_line)));
INSTANTIATE_TEST_SUITE_P(Rows, ExpectationOfFlow, testing::ValuesIn(rows_for(is_for_flow)));

}  // namespace
}  // namespace labctl::commands
