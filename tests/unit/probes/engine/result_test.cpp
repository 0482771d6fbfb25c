#include "probes/engine/result.hpp"

#include <gtest/gtest.h>

namespace labctl::engine {
namespace {

TEST(ResponseTally, CountsEachBackend) {
  ResponseTally tally;
  tally.add("pod/default/a");
  tally.add("pod/default/b");
  tally.add("pod/default/a");
  ASSERT_EQ(tally.entries().size(), 2u);
  EXPECT_EQ(tally.entries()[0].backend, "pod/default/a");
  EXPECT_EQ(tally.entries()[0].count, 2u);
  EXPECT_EQ(tally.entries()[1].count, 1u);
}

TEST(ResponseTally, IsUsedAgain) {
  ResponseTally tally;
  tally.add("pod/default/a");
  tally.add("pod/default/b");
  tally.clear();
  EXPECT_TRUE(tally.entries().empty());
  tally.add("pod/default/c");
  ASSERT_EQ(tally.entries().size(), 1u);
  EXPECT_EQ(tally.entries()[0].backend, "pod/default/c");
  EXPECT_EQ(tally.entries()[0].count, 1u);
}

TEST(Result, BeginsEmptyAgain) {
  Probe probe;
  Result result;
  result.begin(1, probe);
  result.tries = 3;
  result.backend = "pod/default/a";
  result.reason = "x";
  result.outcomes.add(probes::Outcome::Ok);
  result.dns.rcode = "NOERROR";
  result.http.status = 200;
  result.begin_sequence();
  EXPECT_EQ(result.tries, 3u);
  result.begin(2, probe);
  EXPECT_EQ(result.index, 2u);
  EXPECT_EQ(result.tries, 0u);
  EXPECT_TRUE(result.backend.empty());
  EXPECT_TRUE(result.reason.empty());
  EXPECT_EQ(result.outcomes.total(), 0u);
  EXPECT_TRUE(result.dns.rcode.empty());
  EXPECT_EQ(result.http.status, 0);
}

TEST(Result, PercentilesAreOfTheNearestRank) {
  const Probe probe;
  Result result;
  result.begin(0, probe);
  EXPECT_EQ(result.rtt_percentile_us(50), 0u);
  result.rtts_us = {7};
  EXPECT_EQ(result.rtt_percentile_us(1), 7u);
  EXPECT_EQ(result.rtt_percentile_us(99), 7u);
  result.rtts_us = {50, 20, 40, 10, 30};
  EXPECT_EQ(result.rtt_percentile_us(20), 10u);
  EXPECT_EQ(result.rtt_percentile_us(21), 20u);
  EXPECT_EQ(result.rtt_percentile_us(50), 30u);
  EXPECT_EQ(result.rtt_percentile_us(99), 50u);
  EXPECT_EQ(result.rtts_us.front(), 50u) << "they stay in the order of time";
  result.begin_sequence();
  EXPECT_TRUE(result.rtts_us.empty());
}

}  // namespace
}  // namespace labctl::engine
