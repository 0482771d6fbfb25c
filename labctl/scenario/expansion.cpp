#include "labctl/scenario/expansion.hpp"

#include "topology/base/error.hpp"
#include "topology/manifest/decode_cluster.hpp"

#include <string_view>

namespace labctl::scenario {
namespace {

using nlohmann::json;

// What a scenario is run as: what its Cluster then says, and the variables that tell.
struct Variant {
  std::string label;
  json cluster = json::object();  // a merge patch of the Cluster's spec
  Variables variables;
};

json families_of(const std::string& word) {
  return word == "dual" ? json::array({"IPv4", "IPv6"}) : json::array({word});
}

json patch_of(std::string_view axis, const std::string& word) {
  if (axis == "families") {
    return {{"ipFamilies", families_of(word)}};
  }
  return axis == "network" ? json{{"network", {{"mode", word}}}} : json{{"dataplane", word}};
}

std::vector<Variant> variants_of(const json& expand) {
  std::vector<Variant> variants{{}};
  for (const char* axis : {"families", "network", "dataplane"}) {
    const json words = expand.value(axis, json::array());
    std::vector<Variant> more;
    for (const Variant& variant : variants) {
      for (const json& value : words) {
        const auto word = value.get<std::string>();
        Variant next = variant;
        next.label += (next.label.empty() ? "" : ",") + word;
        next.variables[axis] = word;
        next.cluster.merge_patch(patch_of(axis, word));
        more.push_back(std::move(next));
      }
    }
    if (!words.empty()) {
      variants = std::move(more);
    }
  }
  return variants;
}

}  // namespace

std::vector<Scenario> expand_scenario(const Scenario& scenario) {
  const json& spec = scenario.document.json["spec"];
  if (!spec.contains("expand")) {
    return {scenario};
  }
  std::vector<Scenario> scenarios;
  for (const Variant& variant : variants_of(spec["expand"])) {
    Scenario& one = scenarios.emplace_back(scenario);
    json cluster = scenario.cluster_spec.is_object() ? scenario.cluster_spec : json::object();
    cluster.merge_patch(variant.cluster);
    try {
      one.cluster = manifest::decode_cluster(cluster, scenario.name);
    } catch (Error& error) {
      throw error.add_frame("as " + variant.label);
    }
    // Labels that Node objects gave are not in the Cluster's spec.
    for (size_t i = 0; i < one.cluster.nodes.size() && i < scenario.cluster.nodes.size(); ++i) {
      one.cluster.nodes[i].labels = scenario.cluster.nodes[i].labels;
    }
    one.cluster_spec = std::move(cluster);
    one.name += variant.label.empty() ? "" : "[" + variant.label + "]";
    one.variables.insert(variant.variables.begin(), variant.variables.end());
  }
  return scenarios;
}

}  // namespace labctl::scenario
