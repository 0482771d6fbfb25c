#include "labctl/controllers/scheduling/node_affinity.hpp"

#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using model::NodeRequirement;
using model::NodeTerm;
using nlohmann::json;
using objects::field;
using objects::list_at;
using objects::text_at;

constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr const char* kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

std::vector<NodeRequirement> read_requirements(const json& list) {
  std::vector<NodeRequirement> requirements;
  for (const json& item : list) {
    NodeRequirement requirement{text_at(item, "key"), text_at(item, "operator"), {}};
    for (const json& value : list_at(item, "values")) {
      requirement.values.push_back(value.is_string() ? value.get<std::string>() : "");
    }
    requirements.push_back(std::move(requirement));
  }
  return requirements;
}

NodeTerm read_term(const json& term) {
  return {read_requirements(list_at(term, "matchExpressions")),
          read_requirements(list_at(term, "matchFields"))};
}

}  // namespace

NodeAffinity node_affinity_of(const json& pod) {
  NodeAffinity affinity;
  if (const json* selector = field(pod, "spec.nodeSelector"); selector != nullptr && selector->is_object()) {
    for (const auto& [key, value] : selector->items()) {
      affinity.selector.emplace(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  const json* node_affinity = field(pod, "spec.affinity.nodeAffinity");
  if (node_affinity == nullptr) {
    return affinity;
  }
  if (const json* required = field(*node_affinity, kRequired)) {
    affinity.required.emplace();
    for (const json& term : list_at(*required, "nodeSelectorTerms")) {
      affinity.required->push_back(read_term(term));
    }
  }
  for (const json& weighted : list_at(*node_affinity, kPreferred)) {
    if (const json* term = field(weighted, "preference")) {
      affinity.preferred.emplace_back(objects::number_at(weighted, "weight", 0), read_term(*term));
    }
  }
  return affinity;
}

json with_node_name(json affinity, const std::string& node) {
  json term{{"matchFields", {{{"key", model::kNodeNameField}, {"operator", "In"}, {"values", {node}}}}}};
  if (!affinity.is_object()) {
    affinity = json::object();
  }
  affinity["nodeAffinity"][kRequired] = {{"nodeSelectorTerms", json::array({std::move(term)})}};
  return affinity;
}

std::string node_named_in(const json& pod) {
  const auto names = node_affinity_of(pod).names();
  return names && names->size() == 1 ? *names->begin() : "";
}

}  // namespace labctl::controllers
