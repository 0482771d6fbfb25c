#include "topology/kernel/mount_calls.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace labctl::kernel {

int add_mount_flags(const char* path, std::uint64_t flags, Below below) noexcept {
  mount_attr attributes{};
  attributes.attr_set = flags;
  return ::syscall(SYS_mount_setattr, AT_FDCWD, path, below == Below::Too ? AT_RECURSIVE : 0, &attributes,
                   sizeof attributes) == 0
             ? 0
             : errno;
}

UniqueFd take_mount(int folder, const char* path, Below below) noexcept {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (below == Below::Too ? AT_RECURSIVE : 0);
  return UniqueFd(static_cast<int>(::syscall(SYS_open_tree, folder, path, flags)));
}

// pivot_root(".", "."): the old root lies over the new one for a moment and is then detached.
int enter_root(const char* path) noexcept {
  if (::chdir(path) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 || ::umount2(".", MNT_DETACH) != 0) {
    return errno;
  }
  return ::chdir("/") == 0 ? 0 : errno;
}

}  // namespace labctl::kernel
