#pragma once

// A folder that only this user can put something into: the runtime folder, and in it those of the labs.
//
// Others may have made one under the name that we look for, in /tmp above all, and what is found there is
// talked to and handed descriptors. So such a folder is opened, the open one is looked at, and whatever
// happens next goes through its descriptor: a name may mean another folder a moment later.

#include "topology/base/unique_fd.hpp"

#include <filesystem>
#include <string>

namespace labctl::api {

// Opens a folder that belongs to this process's user, that nobody else may enter and that is
// no symbolic link itself (those on the way to it may be). Throws Error: NotFound if there
// is none, Permission if it is anything else.
UniqueFd open_private_folder(const std::filesystem::path& folder);
// The same for `name` in an open folder; `shown` is its path, for messages.
UniqueFd open_private_folder(const UniqueFd& parent, const std::string& name,
                             const std::filesystem::path& shown);

}  // namespace labctl::api
