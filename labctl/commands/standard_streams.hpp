#pragma once

// The three streams that a program is started with, and whether what it printed arrived.

#include "topology/base/error.hpp"

#include <optional>

namespace labctl::commands {

// Before anything else is opened: a closed descriptor below 3 would be given to the next file or socket,
// and that would get what is meant for people. Each gets /dev/null instead. False: stdout was closed, and
// nobody can hear what is done.
bool open_standard_streams();

// Flushes stdout. The first error that a write to it met; nothing, if all has arrived, or went to a pipe
// whose reader has seen enough (EPIPE).
std::optional<Error> lost_output();

}  // namespace labctl::commands
