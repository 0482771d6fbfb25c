#include "labctl/store/selectors.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::store {
namespace {

using nlohmann::json;

const json kWeb = {{"metadata", {{"name", "web-0"}, {"labels", {{"app", "web"}, {"tier", "front"}}}}},
                   {"spec", {{"nodeName", "node-1"}, {"hostNetwork", true}}}};

bool selects(const char* text) { return matches(parse_label_selector(text), kWeb); }

TEST(LabelSelectorText, EmptySelectsEverything) {
  EXPECT_TRUE(selects(""));
  EXPECT_TRUE(matches(parse_label_selector(" "), json{{"metadata", json::object()}}));
}

TEST(LabelSelectorText, TakesEqualityInAllItsSpellings) {
  EXPECT_TRUE(selects("app=web"));
  EXPECT_TRUE(selects("app==web,tier!=back"));
  EXPECT_FALSE(selects("app!=web"));
  EXPECT_FALSE(selects("app=web,tier=back"));
  EXPECT_TRUE(selects("other!=x"));
}

TEST(LabelSelectorText, TakesSetsAndExistence) {
  EXPECT_TRUE(selects("app in (api, web), tier notin (back)"));
  EXPECT_FALSE(selects("app notin (web)"));
  EXPECT_TRUE(selects("app,!other"));
  EXPECT_FALSE(selects("!app"));
}

TEST(LabelSelectorText, RefusesWhatItCannotParse) {
  for (const char* text : {"a=b,", "=b", "a in b", "a in (b", "a b", "a=b=c", "!"}) {
    EXPECT_THROW(parse_label_selector(text), Error) << text;
  }
}

TEST(LabelSelectorJson, ReadsLabelsAndExpressions) {
  const json selector = {
      {"matchLabels", {{"app", "web"}}},
      {"matchExpressions", {{{"key", "tier"}, {"operator", "In"}, {"values", {"front"}}}}}};
  EXPECT_TRUE(matches(selector_from_json(selector), kWeb));
  EXPECT_TRUE(matches(selector_from_json(json()), kWeb));
}

TEST(LabelSelectorJson, RefusesUnknownOperators) {
  EXPECT_THROW(selector_from_json({{"matchExpressions", {{{"key", "a"}, {"operator", "Like"}}}}}), Error);
  EXPECT_THROW(selector_from_json({{"matchLabels", {{"a", 1}}}}), Error);
}

TEST(LabelSelector, DoesNotMatchAnObjectWithoutLabels) {
  EXPECT_FALSE(
      matches(selector_from_json({{"matchLabels", {{"app", "web"}}}}), json{{"metadata", json::object()}}));
}

TEST(FieldSelector, ComparesTheFieldsKubernetesSelectsBy) {
  EXPECT_TRUE(matches(parse_field_selector("pods", "metadata.name=web-0,spec.nodeName!=node-2"), kWeb));
  EXPECT_TRUE(matches(parse_field_selector("pods", "status.phase="), kWeb));
  EXPECT_TRUE(matches(parse_field_selector("pods", "spec.hostNetwork=true"), kWeb));
  EXPECT_FALSE(matches(parse_field_selector("pods", "metadata.name==web-1"), kWeb));
}

TEST(FieldSelector, RefusesOtherFields) {
  EXPECT_THROW(parse_field_selector("pods", "spec.hostname=a"), Error);
  EXPECT_THROW(parse_field_selector("deployments", "status.phase=Running"), Error);
  EXPECT_THROW(parse_field_selector("pods", "metadata.name"), Error);
}

}  // namespace
}  // namespace labctl::store
