#include "topology/base/open_within.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace labctl {
namespace {

// What is renamed while a path is followed makes the kernel ask for another try.
constexpr int kTriesMax = 16;

}  // namespace

UniqueFd open_within(int fd, const char* path, std::uint64_t flags, std::uint64_t resolve,
                     mode_t mode) noexcept {
  open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  for (int tries = 0;; ++tries) {
    const long opened = ::syscall(SYS_openat2, fd, path, &how, sizeof how);
    if (opened >= 0) {
      return UniqueFd(static_cast<int>(opened));
    }
    if (errno != EAGAIN || tries >= kTriesMax) {
      return {};
    }
  }
}

}  // namespace labctl
