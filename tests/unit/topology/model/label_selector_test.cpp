#include "topology/model/label_selector.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

using Operator = SelectorRequirement::Operator;

const Labels kWeb{{"app", "web"}, {"tier", "front"}};

LabelSelector one(std::string key, Operator op, std::vector<std::string> values = {}) {
  return {{}, {{std::move(key), op, std::move(values)}}};
}

TEST(LabelSelector, EmptyMatchesEverything) {
  EXPECT_TRUE(LabelSelector{}.matches({}));
  EXPECT_TRUE(LabelSelector{}.matches(kWeb));
}

TEST(LabelSelector, EveryLabelMustBeThere) {
  EXPECT_TRUE((LabelSelector{{{"app", "web"}}, {}}.matches(kWeb)));
  EXPECT_FALSE((LabelSelector{{{"app", "web"}, {"tier", "back"}}, {}}.matches(kWeb)));
  EXPECT_FALSE((LabelSelector{{{"app", ""}}, {}}.matches({})));
}

TEST(LabelSelector, InAndExistsNeedTheKey) {
  EXPECT_TRUE(one("app", Operator::In, {"db", "web"}).matches(kWeb));
  EXPECT_FALSE(one("app", Operator::In, {"db"}).matches(kWeb));
  EXPECT_FALSE(one("zone", Operator::In, {""}).matches(kWeb));
  EXPECT_TRUE(one("tier", Operator::Exists).matches(kWeb));
  EXPECT_FALSE(one("zone", Operator::Exists).matches(kWeb));
}

TEST(LabelSelector, NotInAndDoesNotExistHoldWithoutTheKey) {
  EXPECT_TRUE(one("zone", Operator::NotIn, {"a"}).matches(kWeb));
  EXPECT_FALSE(one("app", Operator::NotIn, {"web"}).matches(kWeb));
  EXPECT_TRUE(one("zone", Operator::DoesNotExist).matches(kWeb));
  EXPECT_FALSE(one("app", Operator::DoesNotExist).matches(kWeb));
}

TEST(LabelSelector, LabelsAndExpressionsHoldTogether) {
  const LabelSelector selector{{{"app", "web"}}, {{"tier", Operator::NotIn, {"front"}}}};
  EXPECT_FALSE(selector.matches(kWeb));
  EXPECT_TRUE(selector.matches({{"app", "web"}}));
}

}  // namespace
}  // namespace labctl::model
