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

TEST(ProbeResult, IsALine) {
  std::ostringstream out;
  print_probe(out,
              Json::parse(R"({"outcome":"ok","from":"pod/default/a","to":"pod/default/b:80","proto":"tcp",
    "backend":"pod/default/b","source":"10.244.1.2","rtt_us":412,"tries":1})"),
              Palette());
  EXPECT_EQ(out.str(), "ok        pod/default/a -> pod/default/b:80/tcp   b   from 10.244.1.2   412us\n");
}

TEST(ProbeResult, ShowsHowTriesWereSpread) {
  std::ostringstream out;
  print_probe(out, Json::parse(R"({"outcome":"ok","from":"a","to":"b","tries":10,
    "responses":{"pod/default/x":4,"pod/shop/y":6}})"),
              Palette());
  EXPECT_EQ(out.str(), "ok        a -> b   x 4, shop/y 6   10 tries\n");
}

constexpr const char* kAnswer =
    R"({"outcome":"ok","from":"a","to":"dns:web","tries":1,"dns":{"rcode":"NOERROR",
    "answer":["web.b. 5 IN A 10.96.0.7","web.b. 5 IN A 10.96.0.8"],"queries":[
    {"name":"web.a","type":"A","server":"10.96.0.10","outcome":"dns_nxdomain","rcode":"NXDOMAIN","rtt_us":212},
    {"name":"web.b","type":"A","server":"10.96.0.10","outcome":"ok","rcode":"NOERROR","rtt_us":90}]}})";

TEST(ProbeResult, ShowsTheRecordsOfAnAnswer) {
  std::ostringstream out;
  print_probe(out, Json::parse(kAnswer), Palette());
  EXPECT_EQ(out.str(),
            "ok        a -> dns:web\n"
            "          web.b. 5 IN A 10.96.0.7\n"
            "          web.b. 5 IN A 10.96.0.8\n");
}

TEST(ProbeResult, ShowsEachQuestionWhenWideOrWhenNoneWasAnswered) {
  const std::string first = "          ? web.a A @10.96.0.10  NXDOMAIN  212us\n";
  std::ostringstream wide;
  print_probe(wide, Json::parse(kAnswer), Palette(), true);
  EXPECT_THAT(wide.str(), HasSubstr(first + "          ? web.b A @10.96.0.10  NOERROR  90us\n"));
  Json failed = Json::parse(kAnswer);
  failed["outcome"] = "timeout";
  failed["dns"].erase("answer");
  failed["dns"]["queries"][1].erase("rcode");
  failed["dns"]["queries"][1]["outcome"] = "timeout";
  std::ostringstream out;
  print_probe(out, failed, Palette());
  EXPECT_THAT(out.str(), HasSubstr(first + "          ? web.b A @10.96.0.10  timeout  90us\n"));
  failed["dns"]["queries"].erase(1);
  std::ostringstream one;
  print_probe(one, failed, Palette());
  EXPECT_THAT(one.str(), Not(HasSubstr("?")));
}

TEST(ProbeResult, SurvivesDnsOfAnyShape) {
  for (const char* dns :
       {"1", "[]", "{}", R"({"answer":1,"queries":{}})", R"({"answer":[1],"queries":[1,null]})"}) {
    std::ostringstream out;
    EXPECT_NO_THROW(print_probe(out, Json{{"dns", Json::parse(dns)}}, Palette(), true)) << dns;
  }
}

TEST(Matrix, HasAGlyphForEachPairAndWordsForFailures) {
  std::ostringstream out;
  print_matrix(
      out, Json::parse(R"({"sources":["pod/default/a","node/n"],"destinations":["pod/default/a","pod/shop/b"],
    "rows":[["-","ok"],["timeout","ok"]],"ok":2,"total":3,"elapsed_ms":12,
    "failures":[{"from":"node/n","to":"pod/default/a","outcome":"timeout"}]})"),
      Palette());
  EXPECT_THAT(out.str(), HasSubstr("a         .\n"));
  EXPECT_THAT(out.str(), HasSubstr("node/n  T .\n"));
  EXPECT_THAT(out.str(), HasSubstr("  1  a\n  2  shop/b\n"));
  EXPECT_THAT(out.str(), HasSubstr("2 of 3 as they should be  (12ms)\n  node/n -> pod/default/a: timeout\n"));
}

TEST(Matrix, SurvivesAnswersOfAnyShape) {
  for (const char* text :
       {"{}", "null", R"({"sources":[1],"destinations":{},"rows":[5,[null]],"failures":[7]})"}) {
    std::ostringstream out;
    EXPECT_NO_THROW(print_matrix(out, Json::parse(text), Palette())) << text;
  }
}

}  // namespace
}  // namespace labctl::report
