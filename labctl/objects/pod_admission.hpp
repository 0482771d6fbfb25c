#pragma once

// What admission makes of a new pod before it is kept, whoever makes it: a client, a file, a controller.
//
// Priority (priority.hpp), DefaultTolerationSeconds (plugin/pkg/admission/defaulttolerationseconds), the defaults and
// bounds of LimitRanges (limit_ranges.hpp), ResourceQuotas (quotas.hpp).

#include "labctl/store/store.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace labctl::objects {

// For five minutes a node may be not ready or unreachable, unless the pod says something of that itself.
void add_default_tolerations(nlohmann::json& pod);

// All that is added. Does nothing for a priority that is refused.
void fill_in_new_pod(const store::Store& store, nlohmann::json& pod);

// Why a pod to which all is added is not admitted: "exceeded quota: q, ...".
std::optional<std::string> admission_refusal(const store::Store& store, const nlohmann::json& pod);

// Both. Throws Error Permission, as `pods "web" is forbidden: ...`.
void admit_new_pod(const store::Store& store, nlohmann::json& pod);

}  // namespace labctl::objects
