#pragma once

// Calls about mounts that a child makes between fork and exec as well: async-signal-safe, the errno as the result.

#include <cstdint>

namespace labctl::kernel {

// Adds MOUNT_ATTR_... to the mount at `path`, or with all that is mounted below it. Unlike a remount it leaves the
// other flags of each mount alone, of which a user namespace may not take some away; mount_setattr(2), Linux 5.12.
enum class Below { Too, Not };
int add_mount_flags(const char* path, std::uint64_t flags, Below below) noexcept;

// Makes the mount at `path` the root, and takes the old one away; pivot_root(2).
int enter_root(const char* path) noexcept;

}  // namespace labctl::kernel
