#include "labctl/commands/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

namespace labctl::commands {

bool open_standard_streams() {
  bool has_stdout = true;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) {
      continue;
    }
    has_stdout = has_stdout && fd != STDOUT_FILENO;
    // The lowest number that is free, which is this one.
    static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY));
  }
  return has_stdout;
}

std::optional<Error> lost_output() {
  static int why = 0;  // of the first write that failed
  if (why == 0) {
    errno = 0;
    if (!std::cout.flush() && errno == 0) {
      std::cout.clear();  // it failed before, in the middle of something: the rest tells why
      std::cout.flush();
    }
    why = std::cout ? 0 : errno != 0 ? errno : EIO;
  }
  if (why == 0 || why == EPIPE) {
    return std::nullopt;
  }
  return Error::from_errno(why, "write to stdout");
}

}  // namespace labctl::commands
