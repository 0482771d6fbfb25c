#include "labctl/objects/priority.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

using nlohmann::json;

constexpr const char* kClasses = "priorityclasses";
constexpr const char* kPreempts = "PreemptLowerPriority";

struct Priority {
  std::string class_name;
  std::int64_t value = 0;
  std::string preemption = kPreempts;
};

Priority priority_of(const json& priority_class) {
  const std::string preemption = text_at(priority_class, "preemptionPolicy");
  return {name_of(priority_class), number_at(priority_class, "value", 0),
          preemption.empty() ? kPreempts : preemption};
}

std::optional<Priority> find_class(const store::Store& store, const std::string& name) {
  if (const store::ObjectPtr found = store.find({kClasses, "", name})) {
    return priority_of(*found);
  }
  const auto* system = std::find_if(model::kSystemPriorities.begin(), model::kSystemPriorities.end(),
                                    [&](const model::SystemPriority& one) { return one.name == name; });
  return system == model::kSystemPriorities.end() ? std::nullopt
                                                  : std::optional(Priority{name, system->value, kPreempts});
}

// Of several that are globalDefault the lowest counts.
std::optional<Priority> default_class(const store::Store& store) {
  std::optional<Priority> lowest;
  if (store.count(kClasses) == 0) {
    return lowest;
  }
  for (const store::ObjectPtr& one : store.list(kClasses)) {
    if (is_true_at(*one, "globalDefault") && (!lowest || number_at(*one, "value", 0) < lowest->value)) {
      lowest = priority_of(*one);
    }
  }
  return lowest;
}

std::optional<Priority> class_for(const store::Store& store, const json& pod_spec) {
  const std::string name = text_at(pod_spec, "priorityClassName");
  return name.empty() ? default_class(store) : find_class(store, name);
}

}  // namespace

std::optional<std::string> priority_refusal(const store::Store& store, const json& pod_spec) {
  const std::string name = text_at(pod_spec, "priorityClassName");
  const std::optional<Priority> wanted = class_for(store, pod_spec);
  if (!name.empty() && !wanted) {
    return "no PriorityClass with name " + name + " was found";
  }
  const std::int64_t value = wanted ? wanted->value : 0;
  if (field(pod_spec, "priority") != nullptr && number_at(pod_spec, "priority", value) != value) {
    return "the integer value of priority (" + std::to_string(number_at(pod_spec, "priority", 0)) +
           ") must not be provided in pod spec; priority admission controller computed " +
           std::to_string(value) + " from the given PriorityClass name";
  }
  return std::nullopt;
}

void fill_in_priority(const store::Store& store, json& pod) {
  const json* spec = field(pod, "spec");
  if (spec == nullptr || priority_refusal(store, *spec)) {
    return;
  }
  if (const std::optional<Priority> wanted = class_for(store, *spec)) {
    pod["spec"]["priority"] = wanted->value;
    pod["spec"]["priorityClassName"] = wanted->class_name;
    if (!pod["spec"].contains("preemptionPolicy")) {
      pod["spec"]["preemptionPolicy"] = wanted->preemption;
    }
  }
}

void admit_priority(const store::Store& store, json& pod) {
  const json* spec = field(pod, "spec");
  if (const auto refusal = spec == nullptr ? std::nullopt : priority_refusal(store, *spec)) {
    throw Error(ErrorKind::Permission, "pods \"" + name_of(pod) + "\" is forbidden: " + *refusal);
  }
  fill_in_priority(store, pod);
}

std::vector<json> system_priority_classes() {
  std::vector<json> classes;
  for (const model::SystemPriority& system : model::kSystemPriorities) {
    classes.push_back({{"apiVersion", "scheduling.k8s.io/v1"},
                       {"kind", "PriorityClass"},
                       {"metadata", {{"name", system.name}}},
                       {"value", system.value},
                       {"description", system.description},
                       {"preemptionPolicy", kPreempts}});
  }
  return classes;
}

}  // namespace labctl::objects
