#pragma once

// Calls about mounts, which a child makes between vfork and exec as well: async-signal-safe.

#include "topology/base/unique_fd.hpp"

#include <cstdint>

namespace labctl::kernel {

// Whether what is mounted below a place is meant as well.
enum class Below { Too, Not };

// Adds MOUNT_ATTR_... to the mount at `path`, or with all that is mounted below it. Unlike a remount it leaves the
// other flags of each mount alone, of which a user namespace may not take some away; mount_setattr(2), Linux 5.12.
// The errno; 0: done.
int add_mount_flags(const char* path, std::uint64_t flags, Below below) noexcept;

// What is at `path` as a mount that is nowhere yet, for move_mount(2); with an empty path what `folder` is open on.
// open_tree(2), Linux 5.2. Empty, with errno, where it is refused.
UniqueFd take_mount(int folder, const char* path, Below below) noexcept;

// Makes the mount at `path` the root, and takes the old one away; pivot_root(2). The errno; 0: done.
int enter_root(const char* path) noexcept;

}  // namespace labctl::kernel
