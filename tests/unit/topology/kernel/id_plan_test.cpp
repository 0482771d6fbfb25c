#include "topology/kernel/id_plan.hpp"

#include <gtest/gtest.h>

#include <string>

namespace labctl::kernel {
namespace {

constexpr const char* kAccounts = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n";

TEST(RootRange, IsTheDocumentedOneWhereRootHasNone) {
  EXPECT_EQ(choose_root_range("", kAccounts), kRootRange);
  EXPECT_EQ(choose_root_range("alice:100000:65536\n", kAccounts), kRootRange);
}

TEST(RootRange, IsRootsOwnByNameOrNumber) {
  EXPECT_EQ(choose_root_range("alice:100000:65536\nroot:165536:65536\n", kAccounts),
            (IdRange{165536, kMappedIds}));
  EXPECT_EQ(choose_root_range("0:1000000:1000000000\n", kAccounts), (IdRange{1000000, kMappedIds}));
}

TEST(RootRange, RootsOwnIsTooSmall) {
  EXPECT_EQ(choose_root_range("root:100000:65535\n", kAccounts), kRootRange);
}

TEST(RootRange, RootsOwnIsSharedWithAUserSoItIsNotTaken) {
  EXPECT_EQ(choose_root_range("root:100000:65536\nalice:120000:65536\n", kAccounts), kRootRange);
  EXPECT_EQ(choose_root_range("root:100000:65536\n", "alice:x:100007:100:::\n"), kRootRange);
}

TEST(RootRange, RootsSecondIsTakenWhereTheFirstIsShared) {
  EXPECT_EQ(choose_root_range("root:100000:65536\nalice:100000:65536\nroot:300000:65536\n", kAccounts),
            (IdRange{300000, kMappedIds}));
}

TEST(RootRange, MovesOnFromWhatOthersHave) {
  const std::string first = std::to_string(kRootRange.first);
  const IdRange next{kRootRange.first + kMappedIds, kMappedIds};
  EXPECT_EQ(choose_root_range("alice:" + first + ":1\n", kAccounts), next);
  EXPECT_EQ(choose_root_range("", "alice:x:" + std::to_string(kRootRange.first + 65535) + ":100:::\n"), next);
  EXPECT_EQ(
      choose_root_range("alice:" + first + ":65536\nbob:" + std::to_string(next.first) + ":65537\n", ""),
      (IdRange{next.first + 2 * kMappedIds, kMappedIds}));
}

TEST(RootRange, LinesThatAreNoneCountForNothing) {
  EXPECT_EQ(choose_root_range("root\nroot:1:\nroot:0:65536\nroot:x:65536\nroot:99999999999:65536\n::\n\n",
                              "root\n::\nx:y:z\n"),
            kRootRange);
}

TEST(RootRange, StaysWhereNothingAboveIsFree) {
  EXPECT_EQ(choose_root_range("alice:1:4294967295\n", ""), kRootRange);
}

TEST(IdMap, HoldsARangeOnlyAsAWhole) {
  EXPECT_TRUE(is_mapped("         0          0 4294967295\n", kRootRange));
  EXPECT_TRUE(is_mapped("0 1000 1\n1 100000 65536\n", {1, 65536}));
  EXPECT_FALSE(is_mapped("0 1000 1\n1 100000 65536\n", kRootRange));
  EXPECT_FALSE(is_mapped("0 1000 1\n1 100000 65536\n", {0, 65536}));
  EXPECT_FALSE(is_mapped("0 0 1\n", {0, 2}));
  EXPECT_FALSE(is_mapped("", {0, 1}));
}

TEST(SubordinateIds, FirstRangeOfTheUserAndNoMoreThanALabMaps) {
  EXPECT_EQ(find_range("bob:5:5\nalice:100000:100000\nalice:7:7\n", "alice", 1000),
            (IdRange{100000, kMappedIds}));
  EXPECT_EQ(find_range("1000:100000:10\n", "alice", 1000), (IdRange{100000, 10}));
  EXPECT_EQ(find_range("bob:100000:10\n", "alice", 1000), std::nullopt);
}

}  // namespace
}  // namespace labctl::kernel
