#pragma once

// Folders that hostile programs write in, entered from outside: what a path says is looked for inside the folder
// and nowhere else, whatever links the programs have put there (openat2(2), RESOLVE_BENEATH); and file systems of
// a bounded size.

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace labctl::kernel {

// Opens `path` (relative; "" or "." is the folder itself) inside `folder`, O_PATH. A component that is not there
// is made as a folder of `mode`; 0: nothing is made. Throws Error: InvalidInput for a path that is absolute or has "..", and when a
// link on the way leads out of the folder; else by errno.
UniqueFd open_beneath(const std::string& folder, const std::string& path, mode_t mode = 0755);

// As open_beneath(), but makes nothing, and what has to be made is an empty file. For the place of a mount.
void make_place_beneath(const std::string& folder, const std::string& path, bool is_folder);

// Mounts a tmpfs of at most `bytes` on the folder, in this process's mount namespace. Throws Error by errno.
void mount_bounded(const std::string& folder, std::uint64_t bytes);
// Takes it away, whoever still uses it. Nothing happens where none is.
void unmount_bounded(const std::string& folder) noexcept;

}  // namespace labctl::kernel
