#include "labctl/report/probe_results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

api::ProbeResult parsed(const char* text) { return api::parse_probe_result(Json::parse(text)); }

std::string printed(const ProbeLine& probe, bool wide = false) {
  std::ostringstream out;
  print_probe(out, probe, Palette(), wide);
  return out.str();
}

TEST(ProbeResult, IsALine) {
  EXPECT_EQ(printed({.result = parsed(R"({"outcome":"ok","backend":"pod/default/b","source":"10.244.1.2",
                                          "rtt_us":412,"tries":1})"),
                     .from = "pod/default/a",
                     .to = "pod/default/b:80",
                     .proto = "tcp"}),
            "ok        pod/default/a -> pod/default/b:80/tcp   b   from 10.244.1.2   412us\n");
}

TEST(ProbeResult, ShowsHowTriesWereSpread) {
  EXPECT_EQ(printed({.result = parsed(R"({"outcome":"ok","tries":10,
                                          "responses":{"pod/default/x":4,"pod/shop/y":6}})"),
                     .from = "a",
                     .to = "b"}),
            "ok        a -> b   x 4, shop/y 6   10 tries\n");
}

TEST(ProbeResult, AsJsonIsWhatTheLabSaidAndWhatWasAskedAndExpected) {
  const Json said = Json::parse(R"({"id":"x","outcome":"refused","tries":1,"reason":"nobody listens"})");
  EXPECT_EQ(to_json(ProbeLine{.result = api::parse_probe_result(said), .from = "a", .to = "b"}),
            Json::parse(
                R"({"id":"x","outcome":"refused","tries":1,"reason":"nobody listens","from":"a","to":"b"})"));
  EXPECT_EQ(
      to_json(ProbeLine{.result = api::parse_probe_result(Json{{"outcome", "ok"}, {"tries", 1}}),
                        .from = "a",
                        .to = "b",
                        .proto = "udp",
                        .line = 3,
                        .passed = false,
                        .why = "w"}),
      Json::parse(R"({"outcome":"ok","tries":1,"from":"a","to":"b","proto":"udp","line":3,"passed":false,
                            "why":"w"})"));
}

constexpr const char* kAnswer =
    R"({"outcome":"ok","tries":1,"dns":{"rcode":"NOERROR",
    "answer":["web.b. 5 IN A 10.96.0.7","web.b. 5 IN A 10.96.0.8"],"queries":[
    {"name":"web.a","type":"A","server":"10.96.0.10","outcome":"dns_nxdomain","rcode":"NXDOMAIN","rtt_us":212},
    {"name":"web.b","type":"A","server":"10.96.0.10","outcome":"ok","rcode":"NOERROR","rtt_us":90}]}})";

TEST(ProbeResult, ShowsTheRecordsOfAnAnswer) {
  EXPECT_EQ(printed({.result = parsed(kAnswer), .from = "a", .to = "dns:web"}),
            "ok        a -> dns:web\n"
            "          web.b. 5 IN A 10.96.0.7\n"
            "          web.b. 5 IN A 10.96.0.8\n");
}

TEST(ProbeResult, ShowsEachQuestionWhenWideOrWhenNoneWasAnswered) {
  const std::string first = "          ? web.a A @10.96.0.10  NXDOMAIN  212us\n";
  EXPECT_THAT(printed({.result = parsed(kAnswer)}, true),
              HasSubstr(first + "          ? web.b A @10.96.0.10  NOERROR  90us\n"));
  ProbeLine failed{.result = parsed(kAnswer)};
  failed.result.outcome = failed.result.dns->queries[1].outcome = probes::Outcome::Timeout;
  failed.result.dns->answer.clear();
  failed.result.dns->queries[1].rcode.clear();
  EXPECT_THAT(printed(failed), HasSubstr(first + "          ? web.b A @10.96.0.10  timeout  90us\n"));
  failed.result.dns->queries.pop_back();
  EXPECT_THAT(printed(failed), Not(HasSubstr("?")));
}

TEST(Matrix, HasAGlyphForEachPairAndWordsForFailures) {
  const api::MatrixReply reply = api::parse_matrix_reply(Json::parse(R"({"sources":["pod/default/a","node/n"],
    "destinations":["pod/default/a","pod/shop/b"],"rows":[["-","ok"],["timeout","wrong_answer"]],
    "wanted":[["ok","ok"],["ok","ok"]],"ok":1,"total":3,"elapsed_ms":12.7,
    "failures":[{"from":"node/n","to":"pod/default/a","outcome":"timeout","wanted":"ok","backend":"","reason":""},
                {"from":"node/n","to":"pod/shop/b","outcome":"wrong_answer","wanted":"ok",
                 "backend":"pod/shop/c","reason":""}]})"));
  std::ostringstream out;
  print_matrix(out, reply, Palette());
  EXPECT_EQ(out.str(),
            "        1 2\n"
            "a         .\n"
            "node/n  T W\n"
            "\n"
            "  1  a\n"
            "  2  shop/b\n"
            "\n"
            "  . ok  T timeout  W wrong_answer\n"
            "1 of 3 as they should be  (12ms)\n"
            "  node/n -> pod/default/a: timeout, wanted ok\n"
            "  node/n -> pod/shop/b: wrong_answer by pod/shop/c, wanted ok\n");
}

}  // namespace
}  // namespace labctl::report
