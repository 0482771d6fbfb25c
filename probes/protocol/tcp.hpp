#pragma once

// A TCP probe: the handshake, and nothing on the wire after it if the accept queue can be looked into. Else
// the built-in server can be asked who it is with one HTTP request on the same connection.

#include "probes/outcome/outcome.hpp"
#include "probes/protocol/http.hpp"
#include "probes/protocol/identity.hpp"

#include <optional>
#include <string_view>

namespace labctl::protocol {

// What asks a port of the built-in server that speaks HTTP who it is.
inline constexpr std::string_view kTcpQuestion =
    "GET /labctl/probe HTTP/1.1\r\nHost: labctl\r\nConnection: close\r\n\r\n";

// The identity in the reply to kTcpQuestion; nothing if the reply is
// another server's. Points into `response`.
std::optional<Identity> identity_in(const HttpResponse& response) noexcept;

// Whether a socket whose connect(2) has just ended is up: `so_error` is its SO_ERROR.
inline probes::Outcome classify_connect(int so_error) noexcept { return probes::outcome_of_errno(so_error); }

}  // namespace labctl::protocol
