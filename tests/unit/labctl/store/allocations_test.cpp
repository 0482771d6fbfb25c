#include "labctl/store/allocations.hpp"

#include <gtest/gtest.h>

namespace labctl::store {
namespace {

TEST(Allocations, AValueIsHeldOnce) {
  Allocations allocations;
  EXPECT_TRUE(allocations.claim("pods", "10.0.0.2", "a"));
  EXPECT_FALSE(allocations.claim("pods", "10.0.0.2", "b"));
  EXPECT_FALSE(allocations.claim("pods", "10.0.0.2", "a"));
  EXPECT_EQ(allocations.owner_of("pods", "10.0.0.2"), "a");
}

TEST(Allocations, PoolsAreApart) {
  Allocations allocations;
  EXPECT_TRUE(allocations.claim("one", "30000", "a"));
  EXPECT_TRUE(allocations.claim("two", "30000", "b"));
  EXPECT_EQ(allocations.count("one"), 1U);
  EXPECT_EQ(allocations.count("three"), 0U);
}

TEST(Allocations, OnlyTheOwnerReleases) {
  Allocations allocations;
  allocations.claim("pods", "10.0.0.2", "a");
  EXPECT_FALSE(allocations.release("pods", "10.0.0.2", "b"));
  EXPECT_TRUE(allocations.release("pods", "10.0.0.2", "a"));
  EXPECT_FALSE(allocations.owner_of("pods", "10.0.0.2"));
}

TEST(Allocations, OwnedByIsSortedByPoolAndValue) {
  Allocations allocations;
  allocations.claim("b", "1", "a");
  allocations.claim("a", "2", "a");
  EXPECT_EQ(allocations.owned_by("a"), (std::vector<Allocation>{{"a", "2", "a"}, {"b", "1", "a"}}));
}

TEST(Allocations, ATransactionNotCommittedClaimsNothing) {
  Allocations allocations;
  {
    Allocations::Transaction transaction(allocations);
    allocations.claim("pods", "10.0.0.2", "a");
  }
  EXPECT_EQ(allocations.count("pods"), 0U);
  {
    Allocations::Transaction transaction(allocations);
    allocations.claim("pods", "10.0.0.2", "a");
    transaction.commit();
  }
  EXPECT_EQ(allocations.count("pods"), 1U);
}

TEST(Allocations, RollBackBringsBackClaimsAndReleases) {
  Allocations allocations;
  allocations.claim("pods", "1", "before");
  allocations.claim("pods", "2", "before");
  const Allocations::Mark mark = allocations.mark();
  allocations.claim("pods", "3", "after");
  allocations.release("pods", "1", "before");
  allocations.claim("pods", "1", "after");
  allocations.release("pods", "2", "before");
  allocations.roll_back(mark);
  EXPECT_EQ(allocations.owned_by("before"),
            (std::vector<Allocation>{{"pods", "1", "before"}, {"pods", "2", "before"}}));
  EXPECT_EQ(allocations.count("pods"), 2U);
}

TEST(Allocations, RollBackIgnoresWhatATransactionGaveUp) {
  Allocations allocations;
  const Allocations::Mark mark = allocations.mark();
  allocations.claim("pods", "1", "a");
  {
    Allocations::Transaction transaction(allocations);
    allocations.claim("pods", "2", "a");
  }
  allocations.roll_back(mark);
  EXPECT_EQ(allocations.count("pods"), 0U);
}

TEST(Allocations, MarksMayBeTakenOneAfterTheOther) {
  Allocations allocations;
  {
    const Allocations::Mark first = allocations.mark();
    allocations.claim("pods", "1", "a");
  }
  allocations.claim("pods", "2", "a");
  const Allocations::Mark second = allocations.mark();
  allocations.claim("pods", "3", "a");
  allocations.roll_back(second);
  EXPECT_EQ(allocations.values("pods"), (std::vector<std::string>{"1", "2"}));
}

}  // namespace
}  // namespace labctl::store
