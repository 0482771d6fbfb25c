#pragma once

// What kubectl's tables show of kinds that bound pods, rank them, and say who may do what and reach whom
// (pkg/printers/internalversion).

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace labctl::report {

struct PolicyColumn {
  std::string header;  // "AGE" stands for the object's age: its cell is null
  std::string (*cell)(const nlohmann::json& object) = nullptr;
  bool wide = false;
};

// Those after the name; empty for kinds that have their columns elsewhere, or only an age.
std::vector<PolicyColumn> policy_columns(std::string_view kind);

}  // namespace labctl::report
