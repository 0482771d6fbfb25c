#include "topology/manifest/identities.hpp"

#include "topology/base/error.hpp"
#include "topology/manifest/default_namespace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace labctl::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> named_in(const Identities& found) {
  std::vector<std::string> out;
  for (const Identity& one : found.objects) {
    out.push_back(one.kind + " " + one.ns + "/" + one.name);
  }
  return out;
}

TEST(Identities, AreAllThatIsReadOfAnObject) {
  const Identities found = read_identities(
      {{"a.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: P_, labels: [1]}\nspec: 3\nspeck: {}\n---\n"
        "apiVersion: v1\nkind: Node\nmetadata: {name: n, namespace: x}\n"},
       {"b.json",
        R"({"apiVersion":"v1","kind":"ServiceList","items":[{"metadata":{"name":"s","namespace":"shop"}}]})"},
       {"c.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: P_}\n"}});
  EXPECT_THAT(named_in(found), ElementsAre("Pod default/P_", "Node /n", "Service shop/s"));
  EXPECT_TRUE(found.diagnostics.empty());
}

TEST(Identities, AreInTheNamespaceThatWasAskedForOrRefused) {
  EXPECT_THAT(
      named_in(read_identities({{"a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"}}, "shop")),
      ElementsAre("Pod shop/p"));
  EXPECT_TRUE(has_errors(
      read_identities({{"a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}\n"}}, "shop")
          .diagnostics));
  EXPECT_THROW(read_identities({}, "Shop!"), Error);
}

TEST(Identities, AreLeftOutWithAWordWhereNoLabHasTheirKind) {
  const Identities found =
      read_identities({{"a.yaml",
                        "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t}\n---\n"
                        "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\n---\n"
                        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"}});
  EXPECT_THAT(named_in(found), ElementsAre("Pod default/p"));
  ASSERT_EQ(found.diagnostics.size(), 2u);
  EXPECT_EQ(found.diagnostics[0].topic, Topic::LeftOut);
  EXPECT_EQ(found.diagnostics[1].topic, Topic::LeftOut);
}

TEST(Identities, ThatAreNotSaidAreErrors) {
  for (const char* text : {"apiVersion: v1\nkind: Pod\n", "kind: Pod\nmetadata: {name: p}\n",
                           "apiVersion: v1\nkind: Pod\nmetadata: {name: 3}\n",
                           "apiVersion: v1\nkind: Pods\nmetadata: {name: p}\n", "- a\n", "a: [\n",
                           "apiVersion: v1\nkind: List\nitems: 3\n",
                           "apiVersion: v1\nkind: Pod\nmetadata: {generateName: p-}\n"}) {
    EXPECT_TRUE(has_errors(read_identities({{"a.yaml", text}}).diagnostics)) << text;
  }
}

// ---- The namespace that is asked for ----------------------------------------------------------------

Loaded load_into(const std::string& ns, const std::string& text) {
  LoadOptions options;
  ask_for_namespace(options, ns);
  Loaded loaded = load({{"a.yaml", text}}, options);
  add_missing_namespace(loaded, options);
  return loaded;
}

constexpr const char* kAService =
    "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n";

TEST(DefaultNamespace, IsMadeInFrontOfWhatStandsInIt) {
  const Loaded loaded = load_into("shop", kAService);
  ASSERT_EQ(loaded.objects.size(), 2u);
  EXPECT_EQ(loaded.objects[0].kind, "Namespace");
  EXPECT_EQ(loaded.objects[0].name, "shop");
  EXPECT_EQ(loaded.objects[1].ns, "shop");
}

TEST(DefaultNamespace, IsNotMadeWhereItIsOrNobodyStandsInIt) {
  EXPECT_EQ(load_into("", kAService).objects.size(), 1u);
  EXPECT_EQ(load_into("kube-system", kAService).objects.size(), 1u);
  EXPECT_EQ(load_into("shop", "apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n").objects.size(),
            1u);
  EXPECT_EQ(load_into("shop", std::string(kAService) +
                                  "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")
                .objects.size(),
            2u);
}

TEST(DefaultNamespace, RefusesObjectsOfAnother) {
  const Loaded loaded = load_into("shop",
                                  "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: "
                                  "default}\nspec: {ports: [{port: 80}]}\n");
  ASSERT_TRUE(has_errors(loaded.diagnostics));
  EXPECT_THAT(
      loaded.diagnostics[0].message,
      HasSubstr("the namespace from the provided object \"default\" does not match the namespace \"shop\""));
  EXPECT_EQ(loaded.diagnostics[0].where.line, 3);
}

}  // namespace
}  // namespace labctl::manifest
