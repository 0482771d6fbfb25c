#include "probes/matrix/reach_matrix.hpp"

#include <gtest/gtest.h>

namespace labctl::matrix {
namespace {

using probes::Outcome;

TEST(ReachMatrix, EverythingIsWantedOkAndNothingSeen) {
  const ReachMatrix matrix({"a", "b"}, {"c"});
  EXPECT_EQ(matrix.wanted(1, 0), Outcome::Ok);
  EXPECT_FALSE(matrix.seen(1, 0));
  EXPECT_EQ(matrix.summary().probed, 0u);
  EXPECT_TRUE(matrix.failures().empty());
}

TEST(ReachMatrix, FailuresAreWhereSeenAndWantedPart) {
  ReachMatrix matrix({"a", "b"}, {"c", "d"});
  matrix.want(1, 0, Outcome::Timeout);
  matrix.want(1, 1, Outcome::Timeout);
  matrix.see(1, 1, {Outcome::Ok, "d", ""});
  matrix.see(0, 0, {Outcome::Ok, "c", ""});
  matrix.see(0, 1, {Outcome::Timeout, "", "no answer"});
  matrix.see(1, 0, {Outcome::Timeout, "", "no answer"});
  const auto failures = matrix.failures();
  ASSERT_EQ(failures.size(), 2u);
  EXPECT_EQ(failures[0], (ReachMatrix::Failure{0, 1, Outcome::Ok, Outcome::Timeout, "", "no answer"}));
  EXPECT_EQ(failures[1], (ReachMatrix::Failure{1, 1, Outcome::Timeout, Outcome::Ok, "d", ""}));
  EXPECT_EQ(matrix.failures(1).size(), 1u);
  const auto summary = matrix.summary();
  EXPECT_EQ(summary.probed, 4u);
  EXPECT_EQ(summary.as_wanted, 2u);
  EXPECT_EQ(summary.seen[Outcome::Timeout], 2u);
}

TEST(ReachMatrix, OfSeveralProbesOfACellTheFirstThatIsNotAsWantedCounts) {
  ReachMatrix matrix({"a"}, {"b", "c"});
  matrix.see(0, 0, {Outcome::Ok, "", ""});
  matrix.see(0, 0, {Outcome::Timeout, "", "no answer"});
  matrix.see(0, 0, {Outcome::Refused, "", "nobody listens"});
  matrix.see(0, 0, {Outcome::Ok, "", ""});
  EXPECT_EQ(matrix.seen(0, 0), Outcome::Timeout);
  matrix.see(0, 1, {Outcome::Ok, "", ""});
  matrix.see(0, 1, {Outcome::Ok, "", ""});
  EXPECT_EQ(matrix.failures(),
            (std::vector<ReachMatrix::Failure>{{0, 0, Outcome::Ok, Outcome::Timeout, "", "no answer"}}));
  EXPECT_EQ(matrix.summary().probed, 2u);
}

}  // namespace
}  // namespace labctl::matrix
