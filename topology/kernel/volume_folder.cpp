#include "topology/kernel/volume_folder.hpp"

#include "topology/base/error.hpp"
#include "topology/base/open_within.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace labctl::kernel {
namespace {

UniqueFd try_open(int folder, const char* path, std::uint64_t flags, mode_t mode = 0) {
  return open_within(folder, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, mode);
}

[[noreturn]] void refuse(const std::string& folder, const std::string& path) {
  if (errno == EXDEV) {
    throw Error(ErrorKind::InvalidInput, "open " + path + ": leads out of its volume");
  }
  throw Error::from_errno(errno, "open " + folder + "/" + path);
}

std::vector<std::string> components_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == ".." || (at == 0 && !path.empty() && path.front() == '/')) {
      throw Error(ErrorKind::InvalidInput, "open " + path + ": must be a relative path without \"..\"");
    }
    if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  return parts;
}

UniqueFd open_folder(const std::string& folder) {
  UniqueFd fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    throw Error::from_errno(errno, "open " + folder);
  }
  return fd;
}

}  // namespace

UniqueFd open_beneath(const std::string& folder, const std::string& path, mode_t mode) {
  const UniqueFd root = open_folder(folder);
  std::string so_far;
  const std::vector<std::string> parts = components_of(path);
  UniqueFd at = open_folder(folder);
  for (const std::string& part : parts) {
    so_far += (so_far.empty() ? "" : "/") + part;
    // From the root each time: a link in the volume may point to another place in it.
    UniqueFd next = try_open(root.get(), so_far.c_str(), O_PATH);
    if (!next && errno == ENOENT && mode != 0) {
      // In the folder that was opened, under a plain name: made there or nowhere.
      if (::mkdirat(at.get(), part.c_str(), mode) != 0 && errno != EEXIST) {
        refuse(folder, so_far);
      }
      next = try_open(root.get(), so_far.c_str(), O_PATH);
    }
    if (!next) {
      refuse(folder, so_far);
    }
    at = std::move(next);
  }
  return at;
}

void make_place_beneath(const std::string& folder, const std::string& path, bool is_folder) {
  const std::vector<std::string> parts = components_of(path);
  if (parts.empty()) {
    return;
  }
  std::string parent;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    parent += (i == 0 ? "" : "/") + parts[i];
  }
  const UniqueFd at = open_beneath(folder, parent);
  const std::string& name = parts.back();
  if (is_folder) {
    if (::mkdirat(at.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      refuse(folder, path);
    }
  } else if (!try_open(at.get(), name.c_str(), O_PATH | O_NOFOLLOW) &&
             !try_open(at.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0644)) {
    refuse(folder, path);
  }
}

void mount_bounded(const std::string& folder, std::uint64_t bytes) {
  const std::string options = "mode=0777,size=" + std::to_string(bytes);
  if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    throw Error::from_errno(errno, "mount a file system of " + std::to_string(bytes) + " bytes on " + folder);
  }
}

void unmount_bounded(const std::string& folder) noexcept {
  ::umount2(folder.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

}  // namespace labctl::kernel
