#pragma once

// Unix stream sockets in private folders, unix(7). Names are taken through the folder's
// descriptor, so paths longer than sun_path's 107 bytes work, and nobody can put another
// folder in the place of one that was looked at.

#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <filesystem>
#include <string>

namespace labctl::api {

// Binds with mode 0600 and listens. Throws Error: AlreadyExists if something is at the path, NotFound if its
// folder is absent, Permission.
UniqueFd listen_unix(const std::filesystem::path& path, int backlog = 128);
// The same for `name` in an open folder.
UniqueFd listen_unix(const UniqueFd& folder, const std::string& name, int backlog = 128);

// Connects to <runtime folder>/<lab>/<file>. Both folders must be private ones of this user
// (private_folder.hpp), and who listens must be this user: nothing is sent to anybody else.
// Throws Error: NotFound if nothing is there or nobody listens, Permission when folder or listener are
// another's, Timeout when the listener takes no connection within `patience`, Kernel.
UniqueFd connect_unix(const std::filesystem::path& path,
                      std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace labctl::api
