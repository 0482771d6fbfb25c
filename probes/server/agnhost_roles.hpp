#pragma once

// The roles of agnhost, one function each, from the words after the role's
// name. Pure; throw as role_of() does.

#include "probes/server/role.hpp"

#include <string>
#include <vector>

namespace labctl::server {

// `words[0]` names the role; nothing at all means pause.
Role agnhost_role(const std::vector<std::string>& words, const RoleRequest& request);

}  // namespace labctl::server
