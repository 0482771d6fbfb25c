#include "probes/engine/deadline_heap.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace labctl::engine {
namespace {

using Time = DeadlineHeap::Time;

Time at(int ms) { return Time(std::chrono::milliseconds(ms)); }

TEST(DeadlineHeap, FirstIsTheEarliest) {
  DeadlineHeap heap(4);
  heap.set(0, at(30));
  heap.set(1, at(10));
  heap.set(2, at(20));
  EXPECT_EQ(heap.first_slot(), 1u);
  EXPECT_EQ(heap.first_due(), at(10));
  heap.remove(1);
  EXPECT_EQ(heap.first_slot(), 2u);
}

TEST(DeadlineHeap, SettingAgainMoves) {
  DeadlineHeap heap(2);
  heap.set(0, at(10));
  heap.set(1, at(20));
  heap.set(0, at(30));
  EXPECT_EQ(heap.first_slot(), 1u);
  EXPECT_EQ(heap.size(), 2u);
}

TEST(DeadlineHeap, RemovingWhatIsAbsentIsNothing) {
  DeadlineHeap heap(2);
  heap.remove(1);
  EXPECT_TRUE(heap.empty());
}

TEST(DeadlineHeap, AgreesWithASortedMapOverManyChanges) {
  constexpr int kSlots = 64;
  DeadlineHeap heap(kSlots);
  std::map<std::uint32_t, Time> wanted;
  std::mt19937 random(7);  // NOLINT: the same every time
  for (int i = 0; i < 20000; ++i) {
    const auto slot = static_cast<std::uint32_t>(random() % kSlots);
    if (random() % 3 == 0) {
      heap.remove(slot);
      wanted.erase(slot);
    } else {
      const Time due = at(static_cast<int>(random() % 1000));
      heap.set(slot, due);
      wanted[slot] = due;
    }
    ASSERT_EQ(heap.size(), wanted.size());
    if (!wanted.empty()) {
      Time earliest = wanted.begin()->second;
      for (const auto& [each, due] : wanted) {
        earliest = std::min(earliest, due);
      }
      ASSERT_EQ(heap.first_due(), earliest);
      ASSERT_EQ(wanted.at(heap.first_slot()), earliest);
    }
  }
}

}  // namespace
}  // namespace labctl::engine
