#pragma once

// What an apply would change, field by field, as `kubectl diff` shows it.

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace labctl::commands {

// Of one result of a dry run, {"apiVersion","kind","namespace","name","live","merged"}: the unified diff of the
// object as it is and as it would be, empty when nothing of it differs. What only the lab writes (status, uid,
// versions) and the annotation of the apply itself are left out; values of a Secret are shown as "***".
std::string object_diff(const nlohmann::json& result);

}  // namespace labctl::commands
