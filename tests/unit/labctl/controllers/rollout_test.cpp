#include "labctl/controllers/workloads/rollout.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace labctl::controllers {
namespace {

TEST(Rollout, AFirstRolloutStartsWithEverything) { EXPECT_EQ(next_newest({10, 3, 2, {0, 0}, {}}), 10); }

TEST(Rollout, TheNewestGrowsByTheSurge) {
  EXPECT_EQ(next_newest({10, 3, 2, {0, 0}, {{10, 10}}}), 3);
  EXPECT_EQ(next_newest({10, 3, 2, {3, 0}, {{10, 10}}}), 3);
  EXPECT_EQ(next_newest({10, 3, 2, {3, 0}, {{8, 8}}}), 5);
}

TEST(Rollout, TheNewestIsCutToWhatIsDesired) { EXPECT_EQ(next_newest({2, 1, 0, {5, 5}, {{4, 4}}}), 2); }

TEST(Rollout, OldPodsGoOnlyAsNewOnesAreAvailable) {
  EXPECT_EQ(next_old({10, 3, 0, {3, 0}, {{10, 10}}}), (std::vector<std::int64_t>{10}));
  EXPECT_EQ(next_old({10, 3, 0, {3, 2}, {{10, 10}}}), (std::vector<std::int64_t>{8}));
}

TEST(Rollout, MaxUnavailableLetsOldPodsGoAtOnce) {
  EXPECT_EQ(next_old({10, 0, 2, {0, 0}, {{10, 10}}}), (std::vector<std::int64_t>{8}));
}

TEST(Rollout, BrokenOldPodsGoFirst) {
  EXPECT_EQ(next_old({4, 1, 1, {1, 0}, {{2, 2}, {2, 0}}}), (std::vector<std::int64_t>{2, 1}));
}

TEST(Rollout, AStatusThatLagsLetsNothingMoreGo) {
  // 3 of 4 old pods were told to go; their set still reports 4.
  EXPECT_EQ(next_old({4, 1, 1, {1, 0}, {{3, 4}}}), (std::vector<std::int64_t>{3}));
}

TEST(Rollout, AnyStateKeepsTheBoundsAndEndsAtTheDesired) {
  for (std::int64_t desired = 0; desired <= 7; ++desired) {
    for (std::int64_t surge = 0; surge <= 3; ++surge) {
      for (std::int64_t unavailable = surge == 0 ? 1 : 0; unavailable <= 3; ++unavailable) {
        RolloutState state{
            desired, surge, std::min(unavailable, desired), {0, 0}, {{desired / 2, desired / 2}}};
        state.old.push_back({desired - desired / 2, desired - desired / 2});
        const bool can_move = surge > 0 || state.max_unavailable > 0 || desired == 0;
        for (int step = 0; step < 100 && can_move; ++step) {
          state.newest.replicas = next_newest(state);
          const auto old = next_old(state);
          std::int64_t all = state.newest.replicas, available = state.newest.available;
          for (std::size_t i = 0; i < old.size(); ++i) {
            state.old[i] = {old[i], old[i]};
            all += old[i];
            available += old[i];
          }
          ASSERT_LE(all, desired + surge);
          ASSERT_GE(available, desired - state.max_unavailable);
          // One more pod becomes available.
          state.newest.available = std::min(state.newest.available + 1, state.newest.replicas);
        }
        if (can_move) {
          EXPECT_EQ(state.newest.replicas, desired);
          EXPECT_EQ(state.old[0].replicas + state.old[1].replicas, 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace labctl::controllers
