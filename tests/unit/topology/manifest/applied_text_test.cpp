#include "topology/manifest/applied_text.hpp"

#include "topology/manifest/loader.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::manifest {
namespace {

std::string applied(const std::string& text) {
  LoadOptions options;
  options.keeps_applied = true;
  const Loaded loaded = load({{"m.yaml", text}}, options);
  return loaded.objects.size() == 1 ? loaded.objects.front().last_applied : "";
}

// Each as `kubectl create --save-config --dry-run=client -o json` of kubectl 1.32 has it.
TEST(AppliedText, IsWhatKubectlNotes) {
  EXPECT_EQ(applied("apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}], "
                    "selector: null}\n"),
            "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"annotations\":{},\"name\":\"s\","
            "\"namespace\":"
            "\"default\"},\"spec\":{\"ports\":[{\"port\":80}],\"selector\":null}}\n");
  EXPECT_EQ(
      applied("apiVersion: v1\nkind: Namespace\nmetadata: {name: n, annotations: {a: \"<&>\\u2028\\t\"}}\n"),
      "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"annotations\":{\"a\":"
      "\"\\u003c\\u0026\\u003e"
      "\\u2028\\t\"},\"name\":\"n\"}}\n");
}

TEST(AppliedText, HoldsNothingOfAnEarlierOne) {
  EXPECT_EQ(
      applied("apiVersion: v1\nkind: Namespace\nmetadata: {name: n, annotations: "
              "{kubectl.kubernetes.io/last-applied-configuration: \"{}\"}}\n"),
      "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"annotations\":{},\"name\":\"n\"}}\n");
}

TEST(AppliedText, IsNotMadeUnlessAskedFor) {
  const Loaded loaded = load({{"m.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n"}}, {});
  EXPECT_EQ(loaded.objects.at(0).last_applied, "");
}

TEST(AppliedText, SaysOfAnItemOfATypedListWhatItIs) {
  EXPECT_EQ(
      applied("apiVersion: v1\nkind: NamespaceList\nitems: [{metadata: {name: n}}]\n"),
      "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"annotations\":{},\"name\":\"n\"}}\n");
}

}  // namespace
}  // namespace labctl::manifest
