#pragma once

// Sockets inside a pod's network namespace; see network_namespaces(7). A socket belongs for ever to the
// namespace in which its thread was when it was opened, so a thread visits the namespace for as long as
// opening takes: about 2.5 us for going there and back.

#include "probes/server/role.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/model/protocol.hpp"

#include <cstdint>
#include <optional>

namespace labctl::server {

// Opens, binds and listens, nonblocking, in the calling thread's namespace; on `address`, or on
// all. `dual_stack` makes the socket on all addresses one of both families. Throws Error in
// Go's words, "listen tcp :80: bind: address already in use": Busy, Permission, Kernel;
// Unsupported for SCTP without the kernel's help.
UniqueFd open_listener(model::Protocol protocol, const std::optional<IpAddress>& address, std::uint16_t port,
                       bool dual_stack);

// A nonblocking socket that a client connects; empty, with errno set, on failure.
UniqueFd open_client(model::Protocol protocol, int family) noexcept;

}  // namespace labctl::server
