#include "probes/matrix/matrix_text.hpp"

#include <gtest/gtest.h>

namespace labctl::matrix {
namespace {

using probes::Outcome;

ReachMatrix square(std::size_t size) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < size; ++i) {
    names.push_back((i % 2 == 0 ? "pod/default/p" : "pod/shop/p") + std::to_string(i));
  }
  ReachMatrix matrix(names, names);
  for (std::size_t from = 0; from < size; ++from) {
    for (std::size_t to = 0; to < size; ++to) {
      if (from != to) {
        matrix.see(from, to, Outcome::Ok);
      }
    }
  }
  return matrix;
}

TEST(MatrixText, ShowsOneGlyphACell) {
  ReachMatrix matrix = square(3);
  matrix.want(0, 1, Outcome::Timeout);
  matrix.see(0, 1, Outcome::Timeout);
  matrix.want(1, 0, Outcome::Refused);
  matrix.see(2, 0, Outcome::Timeout);
  EXPECT_EQ(to_text(matrix),
            "                  123\n"
            "1 pod/default/p0   -.\n"
            "2 pod/shop/p1     ! .\n"
            "3 pod/default/p2  T.\n"
            "\n"
            "!  ok, but should not be    -  not ok, as wanted    .  ok    T  timeout\n"
            "\n"
            "4 of 6 as wanted; seen: ok 4, timeout 2\n"
            "\n"
            "not as wanted:\n"
            "  pod/shop/p1 -> pod/default/p0: wanted refused, seen ok\n"
            "  pod/default/p2 -> pod/default/p0: wanted ok, seen timeout\n");
}

TEST(MatrixText, ColumnNumbersReadDownwards) {
  const std::string text = to_text(square(12));
  EXPECT_TRUE(text.starts_with("                             1\n                    123456789012\n")) << text;
}

TEST(MatrixText, OtherDestinationsAreListed) {
  ReachMatrix matrix({"pod/default/a"}, {"node/node-1", "node/node-2"});
  matrix.see(0, 0, Outcome::Ok);
  EXPECT_EQ(to_text(matrix),
            "                 12\n"
            "1 pod/default/a  .\n"
            "\n"
            "to:\n"
            "1 node/node-1\n"
            "2 node/node-2\n"
            "\n"
            ".  ok\n"
            "\n"
            "1 of 1 as wanted; seen: ok 1\n");
}

TEST(MatrixText, BigOnesAreShownByGroups) {
  ReachMatrix matrix = square(10);
  matrix.see(0, 1, Outcome::Timeout);
  TextOptions options;
  options.columns_max = 5;
  EXPECT_EQ(to_text(matrix, options),
            "from         to           as wanted\n"
            "pod/default  pod/default  20/20\n"
            "pod/default  pod/shop     24/25\n"
            "pod/shop     pod/default  25/25\n"
            "pod/shop     pod/shop     20/20\n"
            "\n"
            "89 of 90 as wanted; seen: ok 89, timeout 1\n"
            "\n"
            "not as wanted:\n"
            "  pod/default/p0 -> pod/shop/p1: wanted ok, seen timeout\n");
}

TEST(MatrixText, ListOfFailuresIsBounded) {
  ReachMatrix matrix = square(10);
  for (std::size_t to = 1; to < 10; ++to) {
    matrix.see(0, to, Outcome::Refused);
  }
  TextOptions options;
  options.failures_max = 2;
  const std::string text = to_text(matrix, options);
  EXPECT_TRUE(
      text.ends_with("  pod/default/p0 -> pod/default/p2: wanted ok, seen refused\n  ... and 7 more\n"))
      << text;
}

TEST(MatrixText, AnEmptyOneSaysSo) { EXPECT_EQ(to_text(ReachMatrix({}, {})), "nothing to probe\n"); }

}  // namespace
}  // namespace labctl::matrix
