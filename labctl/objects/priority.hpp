#pragma once

// What the admission controller Priority does for a new pod (plugin/pkg/admission/priority): its class gives
// it spec.priority and spec.preemptionPolicy; without one the class that is globalDefault does, if there is one.
// The two classes of the system exist in every store, whether it has their objects or not.

#include "labctl/store/store.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace labctl::objects {

// Why no pod with this spec is admitted, such as "no PriorityClass with name high was found".
std::optional<std::string> priority_refusal(const store::Store& store, const nlohmann::json& pod_spec);

// Does nothing to a pod that is not admitted.
void fill_in_priority(const store::Store& store, nlohmann::json& pod);

// Both. Throws Error Permission, as `pods "web" is forbidden: ...`.
void admit_priority(const store::Store& store, nlohmann::json& pod);

// The PriorityClass objects that every cluster is born with.
std::vector<nlohmann::json> system_priority_classes();

}  // namespace labctl::objects
