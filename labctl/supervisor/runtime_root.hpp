#pragma once

// The user's runtime folder, in which each lab has a folder. Everybody who looks for labs or makes one comes
// through here, and goes on with the descriptor: what another user made under the name is refused.

#include "topology/base/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace labctl::supervisor {

struct RuntimeRoot {
  std::filesystem::path path;  // absolute, without a slash at the end
  std::string variable;        // of the environment, that names it; empty for a default
};

// $LABCTL_RUNTIME_DIR (one that is relative counts from the working directory); else /run/labctl for root;
// else labctl in $XDG_RUNTIME_DIR (which is passed over unless absolute, as its specification has it), in
// /run/user/<uid> where that is this user's, or /tmp/labctl-<uid>.
RuntimeRoot runtime_root();

// Empty when there is none. Throws Error Permission when it is not a private folder of this user; the hint
// names the variable that is to be changed.
std::optional<UniqueFd> open_runtime_root(const RuntimeRoot& root);
// Makes it where there is none.
UniqueFd make_runtime_root(const RuntimeRoot& root);
// Takes it away when nothing is in it and make_runtime_root() made it: a folder of the user's own stays.
void remove_runtime_root(const RuntimeRoot& root) noexcept;

}  // namespace labctl::supervisor
