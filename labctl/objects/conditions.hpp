#pragma once

// What is written into the status of objects by more than one hand: conditions, and the class of a pod.

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace labctl::objects {

using TimePoint = std::chrono::system_clock::time_point;

// Sets a condition in `status`; lastTransitionTime moves only when `value`
// changes. "True", "False", "Unknown".
void set_condition(nlohmann::json& status, std::string_view type, std::string_view value, TimePoint now,
                   std::string_view reason = {}, std::string_view message = {});

// "Guaranteed", "Burstable" or "BestEffort" from requests and limits.
std::string_view qos_class(const nlohmann::json& pod);

}  // namespace labctl::objects
