#pragma once

// Finds a program as execvp(3) would, but in another file tree than our own: symbolic links are followed
// inside it (openat2(2), RESOLVE_IN_ROOT).

#include "topology/base/unique_fd.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace labctl::kernel {

// The value of PATH where the environment has none.
inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The absolute path of `program` in the tree at `root` (empty: ours). Names with a '/' are taken relative to
// `working_dir` and looked for as they are; others in each folder of `path`. Folders and files that may not
// be executed are passed over. Throws Error: NotFound "exec nginx: No such file or directory (ENOENT)",
// Permission if there was one that may not be executed; both with a hint.
std::string find_program(const std::string& program, std::string_view path, const std::string& working_dir,
                         const std::string& root);

// $PATH of this process; without one what execvp(3) takes.
std::string_view own_path();

// Whether one of the folders of `path` has `program`, for us to execute, in our own file tree. The default
// also has what administrators run, which is often not on an ordinary user's path.
bool is_installed(const std::string& program, std::string_view path = kDefaultPath);

// Opens `path` (absolute) inside `root` without leaving it, following
// links; O_PATH. Empty if it is not there.
UniqueFd open_in_root(const std::string& root, const std::string& path);

// Where `path` really is once all links are followed, as a path inside `root`. Nothing if it is not there.
std::optional<std::string> resolve_in_root(const std::string& root, const std::string& path);

}  // namespace labctl::kernel
