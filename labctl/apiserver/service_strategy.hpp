#pragma once

// Updates of Services and EndpointSlices as the API server's strategies see them: what never
// changes, and what SingleStack lets go. What allocation keeps and frees is
// allocation/service_*. Pure; objects of any shape.

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace labctl::apiserver {

// Takes the second address and family out of `wanted` when its ipFamilyPolicy becomes SingleStack and the
// client says nothing else of them. Before the object is validated: two of them and SingleStack is refused.
void let_go_of_second_family(const nlohmann::json& before, nlohmann::json& wanted);

// "spec.clusterIPs[0]: Invalid value: ...: may not change once set", one for each field that changed and may
// not. Values that were allocated must be in `after` already.
std::vector<std::string> changed_fixed_fields(const nlohmann::json& before, const nlohmann::json& after);

}  // namespace labctl::apiserver
