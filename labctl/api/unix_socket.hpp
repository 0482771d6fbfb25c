#pragma once

// Unix stream sockets at a path, unix(7); paths longer than sun_path's 107 bytes work too.

#include "topology/base/unique_fd.hpp"

#include <filesystem>

namespace labctl::api {

// Binds with mode 0600 and listens. Throws Error: AlreadyExists if something is at the path, NotFound if its
// folder is absent, Permission.
UniqueFd listen_unix(const std::filesystem::path& path, int backlog = 128);

// Throws Error: NotFound if nothing is there or nobody listens, Permission, Kernel.
UniqueFd connect_unix(const std::filesystem::path& path);

}  // namespace labctl::api
