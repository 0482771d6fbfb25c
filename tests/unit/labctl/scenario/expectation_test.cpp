#include "labctl/scenario/expectation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

const json kGraph = json::parse(R"({
  "nodes": [{"name": "node-1", "addresses": ["192.168.50.11"], "podCIDRs": ["10.244.1.0/24"],
             "pods": [{"namespace": "default", "name": "a", "ips": ["10.244.1.2"]}]}],
  "outside": [{"name": "www", "addresses": ["198.51.100.80"]}]})");

// What check_probe says of a probe from `from` that expects `expect` and came to `result`.
std::string said(const std::string& from, const std::string& expect, const std::string& result) {
  const Attempt attempt = check_probe({{"from", from}, {"to", "x"}, {"expect", json::parse(expect)}},
                                      json::parse(result), address_book(kGraph));
  EXPECT_EQ(attempt.passed, attempt.message.empty());
  return attempt.message;
}
std::string said(const std::string& expect, const std::string& result) {
  return said("pod/default/a", expect, result);
}

TEST(ProbeExpectation, SourcesAreTheProbersItsNodesAPlacesOrAnAddress) {
  const std::string saw_pod = R"({"outcome": "ok", "source": "10.244.1.2"})";
  const std::string saw_node = R"({"outcome": "ok", "source": "192.168.50.11"})";
  const std::string saw_bridge = R"({"outcome": "ok", "source": "10.244.1.1"})";
  EXPECT_THAT(said(R"({"source": "client"})", saw_pod), IsEmpty());
  EXPECT_EQ(said(R"({"source": "client"})", saw_node),
            "wanted source client (10.244.1.2), seen source 192.168.50.11");
  EXPECT_THAT(said(R"({"source": "node"})", saw_node), IsEmpty());
  EXPECT_THAT(said(R"({"source": "node"})", saw_pod), HasSubstr("wanted source node (192.168.50.11)"));
  EXPECT_THAT(said(R"({"source": "pod/default/a"})", saw_pod), IsEmpty());
  EXPECT_THAT(said(R"({"source": "outside/www"})", saw_pod), HasSubstr("198.51.100.80"));
  EXPECT_THAT(said(R"({"source": "10.244.1.2"})", saw_pod), IsEmpty());
  EXPECT_THAT(said("node/node-1", R"({"source": "client"})", saw_bridge), IsEmpty());
  EXPECT_THAT(said("node/node-1", R"({"source": "client"})", saw_pod), HasSubstr("10.244.1.1"));
}

TEST(ProbeExpectation, BackendsAreAllSomeOrShares) {
  const std::string result = R"({"outcome": "ok", "responses": {"pod/default/a": 60, "pod/default/b": 40}})";
  EXPECT_THAT(said(R"({"backends": ["pod/default/b", "pod/default/a"]})", result), IsEmpty());
  EXPECT_EQ(said(R"({"backends": ["pod/default/a"]})", result),
            "wanted answers of pod/default/a, seen of pod/default/a, pod/default/b");
  EXPECT_THAT(said(R"({"backendsInclude": ["pod/default/a"]})", result), IsEmpty());
  EXPECT_THAT(said(R"({"backendsInclude": ["pod/default/c"]})", result),
              HasSubstr("an answer of pod/default/c"));
  EXPECT_THAT(said(R"({"backendCount": 2})", result), IsEmpty());
  EXPECT_EQ(said(R"({"backendCount": 1})", result),
            "wanted answers of 1 backend, seen of pod/default/a, pod/default/b");
  EXPECT_THAT(said(R"({"shares": {"pod/default/a": 0.5, "pod/default/b": 0.5}})", result), IsEmpty());
  EXPECT_EQ(said(R"({"shares": {"pod/default/a": 0.5}, "shareTolerance": 0.05})", result),
            "wanted 50% (give or take 5%) of the answers by pod/default/a, seen 60% of 100");
  EXPECT_THAT(said(R"({"shares": {"pod/default/c": 0.5}})", result), HasSubstr("seen 0% of 100"));
  EXPECT_THAT(said(R"({"shares": {"pod/default/a": 1}})", R"({"outcome": "ok"})"), HasSubstr("seen 0% of 0"));
}

TEST(ProbeExpectation, HeadersAreComparedWithoutTheCaseOfTheirNames) {
  const std::string result = R"({"outcome": "ok", "headers": {"Content-Type": "text/plain"}})";
  EXPECT_THAT(said(R"({"headers": {"content-type": "text/plain"}})", result), IsEmpty());
  EXPECT_THAT(said(R"({"headers": {"CONTENT-TYPE": {"contains": "plain"}}})", result), IsEmpty());
  EXPECT_THAT(said(R"({"headers": {"Content-Type": "json"}})", result), HasSubstr("header Content-Type"));
  EXPECT_EQ(said(R"({"headers": {"X-No": "1"}})", result), "wanted a header X-No, seen none");
}

TEST(ProbeExpectation, RttsAreHeldAgainstTheirPercentiles) {
  const std::string result =
      R"({"outcome": "ok", "rtt_percentiles_us": {"p50": 100, "p99": 900, "max": 5000}})";
  EXPECT_THAT(said(R"({"rtt": {"p50": "100us", "p99": "1ms"}})", result), IsEmpty());
  EXPECT_EQ(said(R"({"rtt": {"max": "2ms"}})", result), "wanted RTT max of at most 2ms, seen 5000us");
  EXPECT_THAT(said(R"({"rtt": {"p99": "1ms"}})", R"({"outcome": "ok"})"), HasSubstr("seen no answer"));
}

TEST(ProbeExpectation, DnsCodesAndRecords) {
  const std::string result =
      R"({"outcome": "ok", "dns": {"rcode": "NOERROR", "answer": ["a. 5 IN A 1.2.3.4"]}})";
  EXPECT_THAT(said(R"({"rcode": "NOERROR", "answers": ["a. 5 IN A 1.2.3.4"]})", result), IsEmpty());
  EXPECT_EQ(said(R"({"rcode": "NXDOMAIN"})", result), "wanted rcode NXDOMAIN, seen NOERROR");
  EXPECT_THAT(said(R"({"answers": ["b"]})", result), HasSubstr("wanted answers b"));
}

constexpr const char* kHeadless =
    R"({"outcome": "ok", "dns": {"rcode": "NOERROR", "flags": ["qr", "aa", "ra"],
    "answer": ["web.shop. 5 IN A 10.0.0.2", "web.shop. 5 IN A 10.0.0.1"],
    "authority": ["cluster.local. 5 IN SOA ns. host. 1 2 3 4 5"],
    "queries": [{"name": "web.default"}, {"name": "web.shop."}]}})";

TEST(ProbeExpectation, AnswersAreExactlyThoseInAnyOrderByTheirData) {
  EXPECT_THAT(said(R"({"answers": ["10.0.0.1", "10.0.0.2"]})", kHeadless), IsEmpty());
  EXPECT_THAT(said(R"({"answers": ["10.0.0.1", "web.shop. 5 IN A 10.0.0.2"]})", kHeadless), IsEmpty());
  EXPECT_EQ(said(R"({"answers": "10.0.0.1"})", kHeadless),
            "wanted answers 10.0.0.1, seen 10.0.0.1, 10.0.0.2");
  EXPECT_EQ(said(R"({"answers": []})", kHeadless), "wanted answers none, seen 10.0.0.1, 10.0.0.2");
  EXPECT_THAT(said(R"({"answers": []})", R"({"outcome": "ok"})"), IsEmpty());
  EXPECT_THAT(
      said(R"({"answers": "0 100 80 web.shop."})",
           R"({"outcome": "ok", "dns": {"answer": ["_http._tcp.web. 5 IN SRV 0 100 80 web.shop."]}})"),
      IsEmpty());
}

TEST(ProbeExpectation, FlagsAndAuthorityAreAmongTheReplys) {
  EXPECT_THAT(said(R"({"flags": "aa", "authority": "SOA"})", kHeadless), IsEmpty());
  EXPECT_EQ(said(R"({"flags": ["aa", "ad"]})", kHeadless), "wanted flag ad, seen aa, qr, ra");
  EXPECT_EQ(said(R"({"authority": "NS"})", kHeadless), "wanted authority NS, seen SOA");
  EXPECT_EQ(said(R"({"authority": "SOA"})", R"({"outcome": "ok"})"), "wanted authority SOA, seen none");
}

TEST(ProbeExpectation, QueriesAreCountedAndNamedInOrder) {
  EXPECT_THAT(said(R"({"queries": 2, "queryNames": ["web.default.", "WEB.shop"]})", kHeadless), IsEmpty());
  EXPECT_EQ(said(R"({"queries": 1})", kHeadless), "wanted 1 queries, seen 2");
  EXPECT_EQ(said(R"({"queryNames": ["web.shop", "web.default"]})", kHeadless),
            "wanted queries for web.shop, web.default, seen for web.default, web.shop");
  EXPECT_EQ(said(R"({"queries": 1})", R"({"outcome": "ok"})"), "wanted 1 queries, seen 0");
}

TEST(ProbeExpectation, AllThatIsWrongIsSaidAtOnce) {
  const std::string message =
      said(R"({"outcome": ["refused", "timeout"], "status": 200})", R"({"outcome": "ok", "status": 503})");
  EXPECT_THAT(message, HasSubstr("wanted refused, timeout, seen ok"));
  EXPECT_THAT(message, HasSubstr("; wanted status 200, seen status 503"));
}

TEST(TextExpectation, ContainsEqualsAndMatches) {
  const auto says = [](const char* expect, const char* text) {
    Attempt attempt;
    check_text(json::parse(expect), "stdout", text, attempt);
    return attempt.message;
  };
  EXPECT_THAT(says(R"({"contains": "b", "equals": "abc", "matches": "^a.c$"})", "abc"), IsEmpty());
  EXPECT_EQ(says(R"({"contains": "x"})", "abc"), "wanted stdout with \"x\", seen stdout \"abc\"");
  EXPECT_EQ(says(R"({"equals": "ab"})", "abc"), "wanted stdout \"ab\", seen stdout \"abc\"");
  EXPECT_EQ(says(R"({"matches": "^b"})", "abc"), "wanted stdout matching \"^b\", seen stdout \"abc\"");
}

}  // namespace
}  // namespace labctl::scenario
