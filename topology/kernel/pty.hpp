#pragma once

// A pseudoterminal pair for `exec --tty`; pty(7).

#include "topology/base/unique_fd.hpp"

#include <cstdint>

namespace labctl::kernel {

struct Pty {
  UniqueFd master;
  UniqueFd slave;  // give it as all three of Stdio, with controlling_terminal; then close it
};

// Opens a pair in the devpts mounted at /dev/pts. Both close-on-exec. 0 rows or columns: not set.
// Throws Error: NotFound without a devpts, Kernel when the limit of ptys is reached.
Pty open_pty(std::uint16_t rows, std::uint16_t columns);

// Throws Error if `fd` is no terminal.
void resize_pty(int fd, std::uint16_t rows, std::uint16_t columns);

}  // namespace labctl::kernel
