// Reading costs what the text is long, whatever its shape: four times the text is four times the work.

#include "topology/manifest/loader.hpp"
#include "topology/manifest/yaml/yaml_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>

namespace labctl::manifest {
namespace {

struct Shape {
  const char* name;
  std::string (*text)(int n);
};

std::string pod_with(const std::string& metadata, const std::string& spec = {}) {
  return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n" + metadata +
         "spec:\n  containers: [{name: c, image: nginx}]\n" + spec;
}

std::string repeated(int n, const std::string& before, const std::string& after = "\n") {
  std::string out;
  for (int i = 0; i < n; ++i) {
    out += before + std::to_string(i) + after;
  }
  return out;
}

std::string many_pods(int n, const std::string& kind, const std::string& metadata, const std::string& spec) {
  std::string out;
  for (int i = 0; i < n; ++i) {
    out += "---\napiVersion: v1\nkind: " + kind + "\nmetadata: {name: web-" + std::to_string(i) + metadata +
           "}\nspec: {containers: [{name: c, image: nginx}]" + spec + "}\n";
  }
  return out;
}

const Shape kShapes[] = {
    {"labels", [](int n) { return pod_with("  labels:\n" + repeated(n, "    k", ": v\n")); }},
    {"labels_of_wrong_type", [](int n) { return pod_with("  labels:\n" + repeated(n, "    k", ": 5\n")); }},
    {"annotations", [](int n) { return pod_with("  annotations:\n" + repeated(n, "    k", ": v\n")); }},
    {"unknown_fields", [](int n) { return pod_with("", repeated(n, "  somefield", ": 1\n")); }},
    {"the_same_keys_again",
     [](int n) {
       return pod_with("  labels:\n" + repeated(n, "    k", ": v\n") + repeated(n, "    k", ": v\n"));
     }},
    {"merged_keys",
     [](int n) {
       return pod_with("  annotations: &a\n" + repeated(n, "    k", ": v\n") + "  labels:\n    <<: *a\n");
     }},
    {"node_selector",
     [](int n) { return pod_with("", "  nodeSelector:\n" + repeated(n, "    k", ": v\n")); }},
    {"data_of_a_config_map",
     [](int n) {
       return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n" + repeated(n, "  k", ": v\n");
     }},
    {"items_of_a_list",
     [](int n) { return pod_with("  finalizers:\n" + repeated(n, "    - example.com/f")); }},
    {"ports",
     [](int n) {
       return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: c\n    "
              "image: "
              "nginx\n    ports:\n" +
              repeated(n, "    - containerPort: ");
     }},
    {"containers",
     [](int n) {
       return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n" +
              repeated(n, "  - {image: nginx, name: c", "}\n");
     }},
    {"documents", [](int n) { return many_pods(n, "Pod", "", ""); }},
    {"documents_of_unknown_kinds", [](int n) { return many_pods(n, "Nothing", "", ""); }},
    {"namespaces_that_are_not_there", [](int n) { return many_pods(n, "Pod", ", namespace: other", ""); }},
    {"nodes_that_are_not_there", [](int n) { return many_pods(n, "Pod", "", ", nodeName: nodde-1"); }},
    {"empty_documents", [](int n) { return repeated(n, "---\n# "); }},
    {"documents_that_are_no_yaml", [](int n) { return repeated(n, "---\na: [b\n# "); }},
    {"a_long_text",
     [](int n) { return pod_with("  annotations: {a: \"" + std::string(n * 10, 'x') + "\"}\n"); }},
    {"a_block_of_lines",
     [](int n) { return pod_with("  annotations:\n    a: |\n" + repeated(n, "      line ")); }},
    {"quoted_texts", [](int n) { return pod_with("  annotations:\n" + repeated(n, "    k", ": \"v\"\n")); }},
    {"ports_of_an_outside_host",
     [](int n) {
       std::string text =
           "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nspec:\n  outside:\n    hosts:\n    - name: a\n"
           "      addresses: [198.51.100.7]\n      ports:\n";
       for (int i = 1; i <= n; ++i) {
         text += "      - port: " + std::to_string(i) + "\n";
       }
       return text;
     }},
    {"namespaces",
     [](int n) { return repeated(n, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n", "}\n"); }},
    {"environment",
     [](int n) {
       return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: c\n    "
              "image: "
              "nginx\n    env:\n" +
              repeated(n, "    - {value: x, name: V", "}\n");
     }},
    {"steps_of_a_scenario",
     [](int n) {
       return "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\nspec:\n  steps:\n" +
              repeated(n, "  - {exec: {from: pod/a, command: [\"true\"]}, name: step ", "}\n");
     }},
};

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// The least of some tries: whatever else the machine does only adds.
double cost_of(const std::string& text) {
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const double begin = cpu_seconds();
    load({{"t.yaml", text}}, {});
    least = std::min(least, cpu_seconds() - begin);
  }
  return least;
}

class LargeInput : public ::testing::TestWithParam<Shape> {};

// Quadratic work makes it sixteen times.
TEST_P(LargeInput, CostsWhatItIsLong) {
  constexpr int kSmall = 3000;
  double growth = 100;
  for (int i = 0; i < 3 && growth >= 8; ++i) {
    growth = std::min(growth, cost_of(GetParam().text(4 * kSmall)) / cost_of(GetParam().text(kSmall)));
  }
  EXPECT_LT(growth, 8);
}

TEST_P(LargeInput, IsToldOfInABoundedList) {
  EXPECT_LE(load({{"t.yaml", GetParam().text(12'000)}}, {}).diagnostics.size(), 1002U);
}

INSTANTIATE_TEST_SUITE_P(Shapes, LargeInput, ::testing::ValuesIn(kShapes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(LargeMapping, EntriesAreFoundByAnIndexAsWithoutOne) {
  YamlArena arena;
  for (const int n : {1, 16, 17, 1000}) {
    YamlNode& mapping = arena.make(YamlNode::Kind::Mapping, {});
    for (int i = 0; i < n; ++i) {
      mapping.entries.push_back({"k" + std::to_string((i * 7919) % 100'003), {i + 1, 1}, &mapping});
    }
    mapping.index_entries();
    EXPECT_EQ(mapping.by_key.empty(), n <= 16);
    for (const YamlEntry& entry : mapping.entries) {
      EXPECT_EQ(mapping.entry(entry.key), &entry);
    }
    EXPECT_EQ(mapping.entry("k"), nullptr);
    EXPECT_EQ(mapping.entry("z"), nullptr);
  }
}

}  // namespace
}  // namespace labctl::manifest
