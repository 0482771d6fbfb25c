#include "labctl/api/uri.hpp"

#include <gtest/gtest.h>

namespace labctl::api {
namespace {

TEST(Uri, EncodesAndDecodesEveryByte) {
  std::string all;
  for (int c = 1; c < 256; ++c) {
    all += static_cast<char>(c);
  }
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(Uri, RefusesBrokenEscapesAndNul) {
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%4"));
  EXPECT_FALSE(percent_decode("%g0"));
  EXPECT_FALSE(percent_decode("%00"));
  EXPECT_FALSE(percent_decode(std::string("a\0b", 3)));
}

TEST(Uri, CutsTargetsIntoPathAndQuery) {
  const auto target = parse_target("/a%2Fb?x=1&y=a+b&flag&x=2");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a/b");
  EXPECT_EQ(target->query, (std::map<std::string, std::string>{{"x", "2"}, {"y", "a b"}, {"flag", ""}}));
  EXPECT_FALSE(parse_target("http://x/"));
  EXPECT_FALSE(parse_target(""));
  EXPECT_FALSE(parse_target("/?x=%zz"));
}

TEST(Uri, QueryStringsAreReadBack) {
  const std::map<std::string, std::string> query{{"labelSelector", "app in (a,b),x!=y"}, {"watch", "1"}};
  EXPECT_EQ(parse_target("/x" + query_string(query))->query, query);
  EXPECT_EQ(query_string({}), "");
}

}  // namespace
}  // namespace labctl::api
