#include "labctl/api/probe_expectation.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace labctl::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

const json kGraph = json::parse(R"({
  "nodes": [{"name": "node-1", "addresses": ["192.168.50.11"], "podCIDRs": ["10.244.1.0/24"],
             "pods": [{"namespace": "default", "name": "a", "ips": ["10.244.1.2"]}]}],
  "outside": [{"name": "www", "addresses": ["198.51.100.80"]}]})");

// What is wrong with `result` of a probe from `from` that expects `expect`.
std::string said(const std::string& from, const std::string& expect, const std::string& result) {
  const Verdict verdict = parse_probe_expectation(json::parse(expect))
                              .judge(from, parse_probe_line(result), address_book(kGraph));
  EXPECT_EQ(verdict.passed, verdict.message.empty());
  return verdict.message;
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
  const std::string result = R"({"outcome": "ok", "status": 200, "headers": {"Content-Type": "text/plain"}})";
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
    "queries": [{"name": "web.default", "outcome": "dns_nxdomain"}, {"name": "web.shop.", "outcome": "ok"}]}})";

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

TEST(ProbeExpectation, AnyOfSeveralOutcomesWillDo) {
  EXPECT_THAT(said(R"("refused,reset")", R"({"outcome": "reset"})"), IsEmpty());
  EXPECT_THAT(said(R"(["refused", "reset"])", R"({"outcome": "refused"})"), IsEmpty());
  EXPECT_THAT(said(R"({"outcome": "refused,reset"})", R"({"outcome": "reset"})"), IsEmpty());
  EXPECT_EQ(said(R"("refused,reset")", R"({"outcome": "timeout", "reason": "no answer"})"),
            "wanted refused, reset, seen timeout (no answer)");
}

TEST(ProbeExpectation, WithoutAnOutcomeIsOk) {
  for (const char* expect : {"{}", "[]", R"({"backends": []})", R"({"outcome": null})"}) {
    EXPECT_EQ(said(expect, R"({"outcome": "refused"})"), "wanted ok, seen refused") << expect;
  }
}

TEST(ProbeExpectation, FailIsAnyAnswerButOkAndNeverSilenceAboutTheQuestion) {
  EXPECT_THAT(said(R"("fail")", R"({"outcome": "timeout"})"), IsEmpty());
  EXPECT_EQ(said(R"("fail")", R"({"outcome": "ok"})"), "wanted fail, seen ok");
  EXPECT_EQ(said(R"("fail")", R"({"outcome": "inconclusive"})"), "wanted fail, seen inconclusive");
  EXPECT_THAT(said(R"("fail,inconclusive")", R"({"outcome": "inconclusive"})"), IsEmpty());
}

TEST(ProbeExpectation, AProbeThatCouldNotBeMadeIsAsExpectedByNobody) {
  for (const char* expect : {"\"inconclusive\"", "\"fail\"", "\"ok\""}) {
    const Verdict verdict =
        parse_probe_expectation(json::parse(expect))
            .judge("pod/default/a", parse_probe_line(R"({"outcome": "inconclusive", "error": "no such pod",
                                                         "hint": "look"})"),
                   {});
    EXPECT_FALSE(verdict.passed);
    EXPECT_TRUE(verdict.broken);
    EXPECT_EQ(verdict.message, "no such pod");
    EXPECT_EQ(verdict.details, "look");
  }
}

TEST(ProbeExpectation, WhoAnsweredIsTheSameForOneTryAndForSeveral) {
  EXPECT_THAT(said(R"({"backends": "pod/default/b"})", R"({"outcome": "ok", "backend": "pod/default/b"})"),
              IsEmpty());
  EXPECT_EQ(said(R"({"backends": "pod/default/a,pod/default/b"})",
                 R"({"outcome": "ok", "tries": 1, "backend": "pod/default/b"})"),
            "wanted answers of pod/default/a, pod/default/b, seen of pod/default/b");
  EXPECT_EQ(said(R"({"backend": "pod/default/a"})", R"({"outcome": "ok"})"),
            "wanted answers of pod/default/a, seen of nobody");
  EXPECT_THAT(said(R"({"shares": {"pod/default/b": 1}})",
                   R"({"outcome": "ok", "tries": 4, "backend": "pod/default/b"})"),
              IsEmpty());
}

TEST(ProbeExpectation, AddressesAreComparedAsAddresses) {
  EXPECT_THAT(said(R"({"source": "2001:DB8:0:0::1"})", R"({"outcome": "ok", "source": "2001:db8::1"})"),
              IsEmpty());
  EXPECT_EQ(said(R"({"source": "10.0.0.1"})", R"({"outcome": "ok", "source": "10.0.0.2"})"),
            "wanted source 10.0.0.1, seen source 10.0.0.2");
  EXPECT_EQ(said(R"({"source": "10.0.0.1"})", R"({"outcome": "ok"})"),
            "wanted source 10.0.0.1, seen an unknown source");
}

TEST(ProbeExpectation, OnlySourcesInWordsNeedTheAddressesOfTheLab) {
  EXPECT_FALSE(parse_probe_expectation("ok").needs_addresses());
  EXPECT_FALSE(parse_probe_expectation({{"source", "10.0.0.1"}}).needs_addresses());
  for (const char* source : {"client", "node", "pod/default/a"}) {
    EXPECT_TRUE(parse_probe_expectation({{"source", source}}).needs_addresses()) << source;
  }
}

TEST(ProbeExpectation, AnRcodeAloneMeansWhatItSays) {
  const std::string nxdomain =
      R"({"outcome": "dns_nxdomain", "reason": "x does not exist", "dns": {"rcode": "NXDOMAIN"}})";
  EXPECT_THAT(said(R"({"rcode": "NXDOMAIN"})", nxdomain), IsEmpty());
  EXPECT_EQ(said(R"({"rcode": "NOERROR"})", nxdomain), "wanted rcode NOERROR, seen NXDOMAIN");
  EXPECT_THAT(said(R"({"rcode": "REFUSED"})", R"({"outcome": "dns_error", "dns": {"rcode": "REFUSED"}})"),
              IsEmpty());
  EXPECT_EQ(said(R"({"rcode": "NXDOMAIN"})", R"({"outcome": "timeout", "reason": "no answer"})"),
            "wanted rcode NXDOMAIN, seen no reply (no answer)");
  EXPECT_EQ(said(R"({"outcome": "ok", "rcode": "NXDOMAIN"})", nxdomain),
            "wanted ok, seen dns_nxdomain (x does not exist)");
}

TEST(ProbeExpectation, AStatusAloneMeansWhatItSays) {
  const std::string missing = R"({"outcome": "http_status", "reason": "HTTP status 404", "status": 404})";
  EXPECT_THAT(said(R"({"status": 404})", missing), IsEmpty());
  EXPECT_EQ(said(R"({"status": 200})", missing), "wanted status 200, seen status 404");
  EXPECT_EQ(said(R"({"status": 404})", R"({"outcome": "refused"})"), "wanted status 404, seen refused");
  EXPECT_THAT(said(R"({"outcome": "ok", "status": 404})", missing), HasSubstr("wanted ok, seen http_status"));
}

TEST(ProbeExpectation, SaysWhereABodyIsCut) {
  const std::string result = R"({"outcome": "ok", "status": 200, "body": ")" + std::string(1000, 'x') +
                             R"(", "body_size": 5000000})";
  const std::string message = said(R"({"body": {"contains": "END"}})", result);
  EXPECT_THAT(message, HasSubstr("wanted body with \"END\", seen body \"xxx"));
  EXPECT_THAT(message, HasSubstr("x ... (800 bytes) ... x"));
  EXPECT_THAT(message, HasSubstr("(cut: only the first 1,000 of 5,000,000 bytes are looked at)"));
  EXPECT_THAT(said(R"({"body": {"matches": "^x+$"}})", result), IsEmpty());
}

TEST(ProbeExpectation, SaysWhatTheLabIsToDoForIt) {
  const auto prepared = [](const json& expect, int retry_ms) {
    ProbeRequest request;
    request.retry_within = std::chrono::milliseconds(retry_ms);
    parse_probe_expectation(expect).prepare(request);
    return request;
  };
  EXPECT_FALSE(prepared("ok", 0).percentiles);
  EXPECT_TRUE(prepared({{"rtt", {{"p99", "1ms"}}}}, 0).percentiles);
  EXPECT_EQ(prepared("refused", 5).expect, probes::Outcome::Refused);
  EXPECT_EQ(prepared({{"status", 200}}, 5).expect, probes::Outcome::Ok);
  EXPECT_EQ(prepared({{"status", 503}}, 5).expect, probes::Outcome::HttpStatus);
  EXPECT_EQ(prepared({{"rcode", "NXDOMAIN"}}, 5).expect, probes::Outcome::DnsNxdomain);
  EXPECT_FALSE(prepared({{"status", 200}}, 0).whole_body);
  EXPECT_TRUE(prepared({{"body", {{"contains", "END"}}}}, 0).whole_body);
  EXPECT_NO_THROW(prepared("fail", 0));
  EXPECT_THROW(prepared("fail", 5), Error);
  EXPECT_THROW(prepared("ok,refused", 5), Error);
}

TEST(ProbeExpectation, RefusesWhatItCannotMean) {
  for (const char* text : {R"("okay")",
                           R"("")",
                           R"("ok,")",
                           "5",
                           "true",
                           R"({"outcom": "ok"})",
                           R"({"outcome": 5})",
                           R"({"outcome": "okay"})",
                           R"([5])",
                           R"({"backends": 5})",
                           R"({"backendCount": "3"})",
                           R"({"backendCount": -1})",
                           R"({"shares": {"a": 2}})",
                           R"({"shares": ["a"]})",
                           R"({"shareTolerance": 7})",
                           R"({"source": 5})",
                           R"({"status": "200"})",
                           R"({"headers": ["a"]})",
                           R"({"headers": {"a": 5}})",
                           R"({"headers": {"a": {"contain": "b"}}})",
                           R"({"body": 5})",
                           R"({"body": {"matches": ["a"]}})",
                           R"({"rtt": {"p99": "soon"}})",
                           R"({"rtt": 5})",
                           R"({"rcode": 5})",
                           R"({"answers": 5})",
                           R"({"answerCount": 1.5})",
                           R"({"flags": {}})",
                           R"({"queries": true})",
                           R"({"queryNames": [1]})"}) {
    try {
      parse_probe_expectation(json::parse(text));
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::InvalidInput) << text;
      EXPECT_THAT(error.message(), testing::StartsWith("expect")) << text;
    }
  }
}

TEST(TextExpectation, ContainsEqualsAndMatches) {
  const auto says = [](const char* expect, const char* text) {
    Verdict verdict;
    parse_text_expectation(json::parse(expect), "stdout").judge("stdout", text, verdict);
    return verdict.message;
  };
  EXPECT_THAT(says(R"({"contains": "b", "equals": "abc", "matches": "^a.c$"})", "abc"), IsEmpty());
  EXPECT_EQ(says(R"({"contains": "x"})", "abc"), "wanted stdout with \"x\", seen stdout \"abc\"");
  EXPECT_EQ(says(R"({"equals": "ab"})", "abc"), "wanted stdout \"ab\", seen stdout \"abc\"");
  EXPECT_EQ(says(R"({"matches": "^b"})", "abc"), "wanted stdout matching \"^b\", seen stdout \"abc\"");
}

}  // namespace
}  // namespace labctl::api
