#include "probes/matrix/wanted.hpp"

#include <gtest/gtest.h>

namespace labctl::matrix {
namespace {

using probes::Outcome;

constexpr End kInside{};
constexpr End kOutside{.is_outside = true};
constexpr End kOnHostNetwork{.on_host_network = true};

TEST(Wanted, EverythingInsideReachesEveryPod) {
  EXPECT_EQ(wanted_outcome(kInside, kInside), Outcome::Ok);
  EXPECT_EQ(wanted_outcome(kInside, kOnHostNetwork), Outcome::Ok);
  EXPECT_EQ(wanted_outcome(kOnHostNetwork, kInside), Outcome::Ok);
}

TEST(Wanted, FromOutsideOnlyPodsOnTheirNodesNetworkAreReached) {
  EXPECT_EQ(wanted_outcome(kOutside, kInside), Outcome::Unreachable);
  EXPECT_EQ(wanted_outcome(kOutside, kOnHostNetwork), Outcome::Ok);
}

}  // namespace
}  // namespace labctl::matrix
