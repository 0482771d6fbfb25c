#include "topology/kernel/volume_group.hpp"

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

namespace labctl::kernel {
namespace {

constexpr int kDepthMax = 128;
constexpr mode_t kReadable = 0440;
constexpr mode_t kWritable = 0660;
constexpr mode_t kFolder = 02110;

struct Wanted {
  gid_t group = 0;
  mode_t mode = 0;
};

// `file` is one of O_PATH, of which only /proc can change the mode.
void give_one(int file, const Wanted& wanted, const std::string& what) {
  struct stat status {};
  if (::fstat(file, &status) != 0) {
    throw Error::from_errno(errno, what);
  }
  if (status.st_gid != wanted.group &&
      ::fchownat(file, "", static_cast<uid_t>(-1), wanted.group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
    throw Error::from_errno(errno, what);
  }
  if (S_ISLNK(status.st_mode)) {
    return;
  }
  const mode_t mode = (status.st_mode & 07777) | wanted.mode | (S_ISDIR(status.st_mode) ? kFolder : 0);
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  // A change of the group takes setgid away.
  if (::chmod(path.c_str(), mode) != 0) {
    throw Error::from_errno(errno, what);
  }
}

void give_below(int folder, const Wanted& wanted, const std::string& what, int depth) {
  const int readable = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(readable < 0 ? nullptr : ::fdopendir(readable),
                                                    ::closedir);
  if (!entries) {
    throw Error::from_errno(errno, what);
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    const UniqueFd file(::openat(folder, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file) {
      continue;  // gone meanwhile
    }
    give_one(file.get(), wanted, what);
    struct stat status {};
    if (depth < kDepthMax && ::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
      give_below(file.get(), wanted, what, depth + 1);
    }
  }
}

}  // namespace

void give_to_group(const std::string& folder, gid_t group, bool is_read_only) {
  const std::string what = "give " + folder + " to group " + std::to_string(group);
  const UniqueFd top(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!top) {
    throw Error::from_errno(errno, what);
  }
  const Wanted wanted{group, is_read_only ? kReadable : kWritable};
  give_one(top.get(), wanted, what);
  give_below(top.get(), wanted, what, 0);
}

}  // namespace labctl::kernel
