#include "labctl/report/probe_results.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

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
