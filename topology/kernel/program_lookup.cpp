#include "topology/kernel/program_lookup.hpp"

#include "topology/base/error.hpp"
#include "topology/base/open_within.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

namespace labctl::kernel {
namespace {

std::string path_of(int fd) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), buffer.data(), buffer.size());
  return length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : std::string();
}

// 0 if it may be executed, else the errno that execve(2) would give.
int check_executable(const std::string& root, const std::string& path) {
  const UniqueFd file = open_in_root(root, path);
  if (!file) {
    return errno;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    return errno;
  }
  if (!S_ISREG(status.st_mode)) {
    return EACCES;
  }
  return ::faccessat(file.get(), "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0 ? 0 : errno;
}

// The path of `program` in the first folder of `path` for which `is_wanted` holds; empty if there is none.
template <typename Predicate>
std::string first_in(std::string_view path, const std::string& program, const Predicate& is_wanted) {
  while (!path.empty()) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    path = colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
    // The current folder is no place for a container's program.
    std::string whole = std::string(folder) + "/" + program;
    if (folder.starts_with('/') && is_wanted(whole)) {
      return whole;
    }
  }
  return {};
}

Error not_found(const std::string& program, int cause, const std::string& root) {
  // A process that is joined is seen through /proc: for its owner that is the pod.
  const std::string tree = root.empty()                 ? "the host's file tree"
                           : root.starts_with("/proc/") ? "the pod's file tree"
                                                        : "the folder " + root;
  return Error::from_errno(cause, "exec " + program,
                           cause == EACCES
                               ? "make it executable: chmod +x, in " + tree
                               : "the program is looked up in " + tree +
                                     ": install it there, or map the image to another command or root "
                                     "folder in the Cluster's images");
}

}  // namespace

UniqueFd open_in_root(const std::string& root, const std::string& path) {
  const UniqueFd top(::open(root.empty() ? "/" : root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top) {
    return {};
  }
  return open_within(top.get(), path.empty() ? "." : path.c_str(), O_PATH, RESOLVE_IN_ROOT);
}

std::optional<std::string> resolve_in_root(const std::string& root, const std::string& path) {
  const UniqueFd file = open_in_root(root, path);
  if (!file) {
    return std::nullopt;
  }
  std::string found = path_of(file.get());
  if (root.empty()) {
    return found;
  }
  const UniqueFd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::string base = path_of(top.get());
  if (found == base) {
    return "/";
  }
  if (base.size() > 1 && found.starts_with(base + "/")) {
    found.erase(0, base.size());
  }
  return found;
}

std::string find_program(const std::string& program, std::string_view path, const std::string& working_dir,
                         const std::string& root) {
  if (program.empty()) {
    throw Error(ErrorKind::InvalidInput, "exec: the command is empty");
  }
  if (program.find('/') != std::string::npos) {
    const std::string base = working_dir.empty() ? "/" : working_dir + "/";
    const std::string whole = program.front() == '/' ? program : base + program;
    if (const int cause = check_executable(root, whole); cause != 0) {
      throw not_found(program, cause, root);
    }
    return whole;
  }
  int cause = ENOENT;
  std::string found = first_in(path.empty() ? kDefaultPath : path, program, [&](const std::string& whole) {
    const int why_not = check_executable(root, whole);
    cause = why_not == EACCES ? EACCES : cause;
    return why_not == 0;
  });
  if (!found.empty()) {
    return found;
  }
  throw not_found(program, cause, root);
}

std::string_view own_path() {
  const char* path = std::getenv("PATH");
  return path != nullptr ? path : "/bin:/usr/bin";
}

bool is_installed(const std::string& program, std::string_view path) {
  const auto may_be_executed = [](const std::string& whole) { return ::access(whole.c_str(), X_OK) == 0; };
  return !first_in(path, program, may_be_executed).empty();
}

}  // namespace labctl::kernel
