#include "labctl/images/tree_open.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace labctl::images {
namespace {

// Something is renamed meanwhile, not by us: the kernel then asks for another try.
constexpr int kTriesMax = 16;

UniqueFd open_by(int root, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  for (int tries = 0;; ++tries) {
    const long fd = ::syscall(SYS_openat2, root, name, &how, sizeof how);
    if (fd >= 0) {
      return UniqueFd(static_cast<int>(fd));
    }
    if (errno != EAGAIN || tries >= kTriesMax) {
      return {};
    }
  }
}

}  // namespace

UniqueFd open_in_root(int root, const std::string& path, int flags) {
  return open_by(root, path, flags, RESOLVE_IN_ROOT);
}

UniqueFd open_beneath_root(int root, const std::string& path, int flags) {
  return open_by(root, path, flags, RESOLVE_BENEATH);
}

}  // namespace labctl::images
