#include "labctl/objects/pod_course.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <array>
#include <set>

namespace labctl::objects {
namespace {

constexpr std::array kHolds{PodHold::None,   PodHold::Retrying, PodHold::Placed,
                            PodHold::Living, PodHold::Stopping, PodHold::Stopped};
const PodWish kUnplaced{false, false, false};
const PodWish kAssigned{true, false, false};
const PodWish kFinished{true, true, false};
const PodWish kDeleted{true, false, true};

// What is held after the lab has done `act`, once PodLife has ended what it was told to end.
PodHold after(PodAct act, PodHold hold) {
  switch (act) {
    case PodAct::Nothing:
    case PodAct::Disconnect:
    case PodAct::RemoveObject:
      return hold;
    case PodAct::Place:
      return PodHold::Living;
    case PodAct::ForgetRetry:
    case PodAct::TakeDown:
      return PodHold::None;
    case PodAct::GiveUpPlace:
    case PodAct::Stop:
    case PodAct::StopAtOnce:
      return PodHold::Stopped;
  }
  return hold;
}

TEST(PodCourse, APodWithNodeAndAddressIsPlaced) {
  EXPECT_EQ(next_act(kAssigned, PodHold::None), PodAct::Place);
  EXPECT_EQ(next_act(kUnplaced, PodHold::None), PodAct::Nothing);
  EXPECT_EQ(next_act(kFinished, PodHold::None), PodAct::Nothing);
}

TEST(PodCourse, ADeletedPodOfWhichNothingIsHeldGoes) {
  EXPECT_EQ(next_act(kDeleted, PodHold::None), PodAct::RemoveObject);
}

TEST(PodCourse, AFinalizerHoldsTheObjectAndNothingElse) {
  const PodWish held{true, true, true, true};
  EXPECT_EQ(next_act(held, PodHold::None), PodAct::Nothing);
  EXPECT_EQ(next_act(held, PodHold::Living), PodAct::Stop);
  EXPECT_EQ(next_act(held, PodHold::Stopped), PodAct::TakeDown);
}

// However far it has come, and whatever was in its way.
TEST(PodCourse, ADeletedPodEndsFromEveryHold) {
  for (const PodHold hold : kHolds) {
    PodHold now = hold;
    PodAct act = next_act(kDeleted, now);
    for (int steps = 0; act != PodAct::RemoveObject; ++steps) {
      ASSERT_LT(steps, 5) << hold_name(hold);
      ASSERT_NE(act, PodAct::Nothing) << hold_name(hold);
      now = after(act, now);
      act = next_act(kDeleted, now);
    }
    EXPECT_EQ(now, PodHold::None) << hold_name(hold);
  }
}

TEST(PodCourse, NothingIsHeldOfAPodWhoseObjectWent) {
  for (const PodHold hold : kHolds) {
    PodHold now = hold;
    for (int steps = 0; now != PodHold::None; ++steps) {
      ASSERT_LT(steps, 5) << hold_name(hold);
      const PodAct act = next_act(std::nullopt, now);
      ASSERT_NE(act, PodAct::Nothing) << hold_name(hold);
      now = after(act, now);
    }
    EXPECT_EQ(next_act(std::nullopt, now), PodAct::Nothing);
  }
}

TEST(PodCourse, WhatRunsIsLeftAlone) { EXPECT_EQ(next_act(kAssigned, PodHold::Living), PodAct::Nothing); }

TEST(PodCourse, AFinishedPodLeavesItsAddress) {
  EXPECT_EQ(next_act(kFinished, PodHold::Living), PodAct::Disconnect);
}

TEST(PodCourse, APodThatIsTriedAgainWaitsForItsTime) {
  EXPECT_EQ(next_act(kAssigned, PodHold::Retrying), PodAct::Nothing);
}

TEST(PodCourse, TheObjectSaysWhatIsWanted) {
  const nlohmann::json pod{{"metadata", {{"deletionTimestamp", "2006-01-02T15:04:05Z"}}},
                           {"spec", {{"nodeName", "node-1"}}},
                           {"status", {{"podIP", "10.244.1.2"}, {"phase", "Running"}}}};
  const PodWish wish = wish_of(pod);
  EXPECT_TRUE(wish.is_assigned);
  EXPECT_TRUE(wish.is_being_deleted);
  EXPECT_FALSE(wish.is_finished);
  EXPECT_TRUE(lives_on_node(pod));
  EXPECT_FALSE(is_placeable(pod));
}

}  // namespace
}  // namespace labctl::objects
