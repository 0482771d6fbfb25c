#include "topology/model/index_set.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

TEST(IndexSet, ReadsAndWritesRanges) {
  for (const char* text : {"", "0", "1,2", "0-2", "0,2-4,7", "1,3,5", "10-2147483647"}) {
    const auto set = IndexSet::parse(text);
    ASSERT_TRUE(set) << text;
    EXPECT_EQ(set->text(), text);
  }
  EXPECT_EQ(IndexSet::parse("0,1,2")->text(), "0-2");
  EXPECT_EQ(IndexSet::parse("0-1")->text(), "0,1");
}

TEST(IndexSet, RefusesOtherText) {
  for (const char* text :
       {"a", "-1", "1-", "1,", ",1", "2,1", "1,1", "3-2", "1 2", "1-2-3", "0-2,2", "99999999999999999999"}) {
    EXPECT_FALSE(IndexSet::parse(text)) << text;
  }
}

TEST(IndexSet, JoinsWhatTouches) {
  IndexSet set;
  for (const std::int64_t index : {5, 3, 4, 0, 7}) {
    EXPECT_TRUE(set.add(index));
  }
  EXPECT_FALSE(set.add(4));
  EXPECT_EQ(set.text(), "0,3-5,7");
  EXPECT_EQ(set.size(), 5);
  EXPECT_TRUE(set.contains(4));
  EXPECT_FALSE(set.contains(6));
  EXPECT_TRUE(set.add(6));
  EXPECT_EQ(set.text(), "0,3-7");
}

TEST(IndexSet, CutsAndCounts) {
  const IndexSet set = *IndexSet::parse("0,3-7,9");
  EXPECT_EQ(set.below(5).text(), "0,3,4");
  EXPECT_EQ(set.below(0).text(), "");
  EXPECT_EQ(set.count_of(*IndexSet::parse("1-4,9-20")), 3);
  EXPECT_EQ(set.count_of(IndexSet{}), 0);
}

}  // namespace
}  // namespace labctl::model
