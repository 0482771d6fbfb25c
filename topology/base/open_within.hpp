#pragma once

// Opens paths that others may change meanwhile without leaving a folder; openat2(2), Linux 5.6.

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <cstdint>

namespace labctl {

// `path` from the folder `fd`, as `resolve` (RESOLVE_BENEATH, RESOLVE_IN_ROOT, ...) lets it be followed. O_CLOEXEC is
// added to the flags; `mode` is that of a file that is made. Empty, with errno, if it
// cannot be opened.
UniqueFd open_within(int fd, const char* path, std::uint64_t flags, std::uint64_t resolve,
                     mode_t mode = 0) noexcept;

}  // namespace labctl
