#include "labctl/api/uri.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace labctl::api {
namespace {

TEST(Uri, RefusesBrokenEscapesAndNul) {
  for (const std::string target : {"/%4", "/%00", "/x?a=%00", "/x?%g0=1", "/x?a=%"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
  EXPECT_FALSE(parse_target(std::string("/a\0b", 4)));
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
