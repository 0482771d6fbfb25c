#pragma once

// What ResourceQuotas say of a new pod (plugin/pkg/admission/resourcequota, quota/v1/evaluator/core, pods): how many
// pods a namespace has, and what they request and are limited to, of cpu, memory and ephemeral-storage. Quotas of other
// kinds of objects, and those with a scopeSelector, are not acted on.

#include "labctl/store/store.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace labctl::objects {

// "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2", "failed quota: q: must specify cpu for: main".
std::optional<std::string> quota_refusal(const store::Store& store, const nlohmann::json& pod);

}  // namespace labctl::objects
