#include "probes/outcome/outcome_counts.hpp"

#include <gtest/gtest.h>

namespace labctl::probes {
namespace {

TEST(outcome::OutcomeCounts, AddsUp) {
  outcome::OutcomeCounts counts;
  counts.add(outcome::Outcome::Ok, 3);
  counts.add(outcome::Outcome::Timeout);
  outcome::OutcomeCounts more;
  more.add(outcome::Outcome::Timeout);
  counts += more;
  EXPECT_EQ(counts[outcome::Outcome::Ok], 3u);
  EXPECT_EQ(counts[outcome::Outcome::Timeout], 2u);
  EXPECT_EQ(counts.total(), 5u);
}

TEST(outcome::OutcomeCounts, TextListsWhatWasSeen) {
  outcome::OutcomeCounts counts;
  EXPECT_EQ(to_string(counts), "none");
  counts.add(outcome::Outcome::Timeout, 10);
  counts.add(outcome::Outcome::Ok, 89990);
  EXPECT_EQ(to_string(counts), "ok 89990, timeout 10");
}

TEST(outcome::OutcomeCounts, WorstIsTheMostFrequentOtherThanOk) {
  outcome::OutcomeCounts counts;
  EXPECT_EQ(counts.worst(), outcome::Outcome::Ok);
  counts.add(outcome::Outcome::Ok, 100);
  EXPECT_EQ(counts.worst(), outcome::Outcome::Ok);
  counts.add(outcome::Outcome::Timeout, 2);
  counts.add(outcome::Outcome::Refused, 2);
  EXPECT_EQ(counts.worst(), outcome::Outcome::Refused);
  counts.add(outcome::Outcome::Timeout);
  EXPECT_EQ(counts.worst(), outcome::Outcome::Timeout);
}

}  // namespace
}  // namespace labctl::probes
