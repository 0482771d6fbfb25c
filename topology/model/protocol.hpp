#pragma once

// Transport protocols as Kubernetes names them; TCP where none is given.

#include <optional>
#include <string_view>

namespace labctl::model {

enum class Protocol { Tcp, Udp, Sctp };

// "TCP", "UDP", "SCTP".
std::string_view to_string(Protocol protocol);
// Exact upper-case names only, as the API takes them.
std::optional<Protocol> parse_protocol(std::string_view text);

}  // namespace labctl::model
