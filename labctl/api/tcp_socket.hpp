#pragma once

// TCP connections to a server that is named as HOST:PORT, tcp(7).

#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <string>

namespace labctl::api {

// Tries all addresses of the host, and waits at most `timeout` for each. Throws Error:
// InvalidInput when `server` is no HOST:PORT ([HOST]:PORT for IPv6), NotFound when the host has
// no address, Timeout, and what connect(2) says.
UniqueFd connect_tcp(const std::string& server, std::chrono::milliseconds timeout);

}  // namespace labctl::api
