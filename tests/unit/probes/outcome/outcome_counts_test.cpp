#include "probes/outcome/outcome_counts.hpp"

#include <gtest/gtest.h>

namespace labctl::probes {
namespace {

TEST(OutcomeCounts, AddsUp) {
  OutcomeCounts counts;
  counts.add(Outcome::Ok, 3);
  counts.add(Outcome::Timeout);
  OutcomeCounts more;
  more.add(Outcome::Timeout);
  counts += more;
  EXPECT_EQ(counts[Outcome::Ok], 3u);
  EXPECT_EQ(counts[Outcome::Timeout], 2u);
  EXPECT_EQ(counts.total(), 5u);
}

TEST(OutcomeCounts, TextListsWhatWasSeen) {
  OutcomeCounts counts;
  EXPECT_EQ(to_string(counts), "none");
  counts.add(Outcome::Timeout, 10);
  counts.add(Outcome::Ok, 89990);
  EXPECT_EQ(to_string(counts), "ok 89990, timeout 10");
}

TEST(OutcomeCounts, WorstIsTheMostFrequentOtherThanOk) {
  OutcomeCounts counts;
  EXPECT_EQ(counts.worst(), Outcome::Ok);
  counts.add(Outcome::Ok, 100);
  EXPECT_EQ(counts.worst(), Outcome::Ok);
  counts.add(Outcome::Timeout, 2);
  counts.add(Outcome::Refused, 2);
  EXPECT_EQ(counts.worst(), Outcome::Refused);
  counts.add(Outcome::Timeout);
  EXPECT_EQ(counts.worst(), Outcome::Timeout);
}

}  // namespace
}  // namespace labctl::probes
