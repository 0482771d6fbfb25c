#pragma once

// What may change of a pod's scheduling once it exists (apis/core/validation, ValidatePodUpdate).

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::apiserver {

// Gates may go, tolerations may come, and while a pod is gated its nodeSelector may ask for more. What is
// refused, in the API server's words; "" when nothing is.
std::string refused_scheduling_change(const nlohmann::json& before, const nlohmann::json& after);
// Takes out of a pod's spec what that function looks at. `before` is the pod as it is.
void leave_out_scheduling(const nlohmann::json& before, nlohmann::json& spec);

}  // namespace labctl::apiserver
