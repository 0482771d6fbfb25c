#include "topology/kernel/pty.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <cerrno>

namespace labctl::kernel {

void resize_pty(int fd, std::uint16_t rows, std::uint16_t columns) {
  const winsize size{rows, columns, 0, 0};
  if (::ioctl(fd, TIOCSWINSZ, &size) != 0) {
    throw Error::from_errno(errno, "resize terminal");
  }
}

Pty open_pty(std::uint16_t rows, std::uint16_t columns) {
  // /dev/ptmx may still belong to the devpts of the host; the one beside the slaves cannot.
  Pty pty;
  for (const char* path : {"/dev/pts/ptmx", "/dev/ptmx"}) {
    pty.master = UniqueFd(::open(path, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (pty.master) {
      break;
    }
  }
  if (!pty.master) {
    throw Error::from_errno(errno, "open /dev/ptmx");
  }
  const int unlocked = 0;
  if (::ioctl(pty.master.get(), TIOCSPTLCK, &unlocked) != 0) {
    throw Error::from_errno(errno, "unlock pty");
  }
  // By the descriptor and not by /dev/pts/N, which may be shadowed by another devpts.
  pty.slave = UniqueFd(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.slave) {
    throw Error::from_errno(errno, "open pty slave");
  }
  if (rows != 0 && columns != 0) {
    resize_pty(pty.master.get(), rows, columns);
  }
  return pty;
}

}  // namespace labctl::kernel
