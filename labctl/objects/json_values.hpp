#pragma once

// Members of JSON objects read with little ado, for what turns objects into values. Internal to the room.

#include "topology/base/ip_address.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::objects {

// Null when absent, or when `object` is none.
const nlohmann::json& member(const nlohmann::json& object, const char* name);
// "" when absent or null.
std::string member_text(const nlohmann::json& object, const char* name);
// Empty when absent or null.
std::vector<std::string> member_texts(const nlohmann::json& object, const char* name);
// Throws Error: InvalidInput.
IpAddress address_in(const std::string& text);

}  // namespace labctl::objects
