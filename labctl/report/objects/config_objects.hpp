#pragma once

// ConfigMaps, Secrets, ServiceAccounts, claims, volumes and their classes, in columns and in full, as kubectl has
// them. Of a Secret nothing but sizes is ever said.

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::report {

struct ConfigColumn {
  std::string header;
  std::string (*cell)(const nlohmann::json& object);
};

// Those between NAME and AGE; none for other kinds.
std::vector<ConfigColumn> config_columns(std::string_view kind);

// A StorageClass for claims that name none.
bool is_default_class(const nlohmann::json& object);

// False for other kinds: nothing is printed.
bool describe_config(std::ostream& out, const nlohmann::json& object);

}  // namespace labctl::report
