#include "labctl/api/private_folder.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace labctl::api {
namespace {

constexpr mode_t kOthers = 077;

Error not_private(const std::filesystem::path& shown, const std::string& cause, std::string hint = {}) {
  return {ErrorKind::Permission, shown.string() + ": not a private folder of this user: " + cause,
          std::move(hint)};
}

// Why open(2) of `name` gave `code`.
Error not_opened(int parent, const std::string& name, const std::filesystem::path& shown, int code) {
  struct stat status {};
  const bool is_seen = ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_seen && S_ISLNK(status.st_mode)) {
    return not_private(shown, "it is a symbolic link");
  }
  if (is_seen && !S_ISDIR(status.st_mode)) {
    return not_private(shown, "it is not a folder");
  }
  if (is_seen && status.st_uid != ::geteuid()) {
    return not_private(shown, "it belongs to user " + std::to_string(status.st_uid));
  }
  return Error::from_errno(code, "open " + shown.string());
}

UniqueFd open_checked(int parent, const std::string& name, const std::filesystem::path& shown) {
  UniqueFd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) {
    throw not_opened(parent, name, shown, errno);
  }
  struct stat status {};
  if (::fstat(folder.get(), &status) != 0) {
    throw Error::from_errno(errno, "stat " + shown.string());
  }
  if (status.st_uid != ::geteuid()) {
    throw not_private(shown, "it belongs to user " + std::to_string(status.st_uid));
  }
  if ((status.st_mode & kOthers) != 0) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", status.st_mode & 07777U);
    throw not_private(shown, "its mode is " + std::string(mode.data()), "chmod 700 " + shown.string());
  }
  return folder;
}

}  // namespace

UniqueFd open_private_folder(const std::filesystem::path& folder) {
  return open_checked(AT_FDCWD, folder.string(), folder);
}

UniqueFd open_private_folder(const UniqueFd& parent, const std::string& name,
                             const std::filesystem::path& shown) {
  return open_checked(parent.get(), name, shown);
}

}  // namespace labctl::api
