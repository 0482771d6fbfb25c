#pragma once

// Descriptors sent over a Unix socket: SCM_RIGHTS, unix(7). One message is
// one byte of data and its descriptors.

#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace labctl::api {

// Most descriptors in one message.
inline constexpr size_t kMaxPassedFds = 8;

// Blocks until sent. The caller keeps its own copies.
// Throws Error: Kernel if the other end has gone, InvalidInput for more than kMaxPassedFds.
void send_fds(int socket, std::span<const int> fds);

// Waits for one message and returns its descriptors, close-on-exec. Reads exactly one byte, so
// that what follows in the stream stays there. Throws Error: Kernel if the other end has gone
// or sent a byte without descriptors, Timeout.
std::vector<UniqueFd> receive_fds(int socket, std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace labctl::api
