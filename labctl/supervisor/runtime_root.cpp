#include "labctl/supervisor/runtime_root.hpp"

#include "labctl/api/private_folder.hpp"
#include "topology/base/error.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace labctl::supervisor {
namespace {

namespace fs = std::filesystem;

// The sticky bit means nothing in a folder that only one user may enter, and mkdir(2) sets it in the same
// moment: it tells the folders that we made from those that the user made for us.
constexpr mode_t kMadeByUs = S_ISVTX | 0700;

// With a slash at its end a symbolic link is followed whatever open(2) is told.
fs::path without_slash(fs::path path) {
  while (path.has_relative_path() && (!path.has_filename() || path.filename() == ".")) {
    path = path.parent_path();
  }
  return path;
}

bool is_own_folder(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() &&
         (status.st_mode & 022) == 0;
}

std::string other_folder(const RuntimeRoot& root) {
  return root.variable.empty() ? "set LABCTL_RUNTIME_DIR to a folder of yours"
                               : "let " + root.variable + ", which names it, name a folder of yours";
}

Error with_way_out(const Error& error, const RuntimeRoot& root) {
  return {error.kind(), error.message(),
          (error.hint().empty() ? "" : error.hint() + ", or ") + other_folder(root)};
}

}  // namespace

RuntimeRoot runtime_root() {
  if (const char* chosen = ::getenv("LABCTL_RUNTIME_DIR"); chosen != nullptr && *chosen != '\0') {
    std::error_code failed;
    const fs::path absolute = fs::absolute(chosen, failed);
    if (failed) {
      throw Error(ErrorKind::InvalidInput,
                  "LABCTL_RUNTIME_DIR " + std::string(chosen) + ": working directory: " + failed.message(),
                  "let it begin with a slash");
    }
    return {without_slash(absolute), "LABCTL_RUNTIME_DIR"};
  }
  if (::geteuid() == 0) {
    return {"/run/labctl", ""};
  }
  if (const char* runtime = ::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    return {without_slash(runtime) / "labctl", "XDG_RUNTIME_DIR"};
  }
  const std::string uid = std::to_string(::geteuid());
  if (const fs::path session = "/run/user/" + uid; is_own_folder(session)) {
    return {session / "labctl", ""};
  }
  return {"/tmp/labctl-" + uid, ""};
}

std::optional<UniqueFd> open_runtime_root(const RuntimeRoot& root) {
  try {
    return api::open_private_folder(root.path);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::NotFound) {
      return std::nullopt;
    }
    throw with_way_out(error, root);
  }
}

UniqueFd make_runtime_root(const RuntimeRoot& root) {
  // The last lab's end may take it away again in between.
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    if (::mkdir(root.path.c_str(), kMadeByUs) != 0 && errno != EEXIST) {
      throw Error::from_errno(errno, "make " + root.path.string(), other_folder(root));
    }
    if (std::optional<UniqueFd> opened = open_runtime_root(root)) {
      return std::move(*opened);
    }
  }
  throw Error(ErrorKind::Busy, root.path.string() + ": removed as fast as it is made");
}

void remove_runtime_root(const RuntimeRoot& root) noexcept {
  struct stat status {};
  if (::lstat(root.path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() &&
      (status.st_mode & S_ISVTX) != 0) {
    ::rmdir(root.path.c_str());  // only succeeds when it is empty
  }
}

}  // namespace labctl::supervisor
