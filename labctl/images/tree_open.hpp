#pragma once

// Paths that somebody else has written, opened below a folder (openat2(2), Linux 5.6).

#include "topology/base/unique_fd.hpp"

#include <string>

namespace labctl::images {

// Opens `path` as if `root` were "/": links, absolute ones too, lead to where they would lead there. Empty, with errno,
// if it cannot be opened. O_CLOEXEC is added.
UniqueFd open_in_root(int root, const std::string& path, int flags);
// The same, but what leads out of `root` is refused (EXDEV).
UniqueFd open_beneath_root(int root, const std::string& path, int flags);

}  // namespace labctl::images
