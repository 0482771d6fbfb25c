#include "topology/model/protocol.hpp"

namespace labctl::model {

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp:
      return "TCP";
    case Protocol::Udp:
      return "UDP";
    case Protocol::Sctp:
      return "SCTP";
  }
  return "TCP";
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp}) {
    if (text == to_string(protocol)) {
      return protocol;
    }
  }
  return std::nullopt;
}

}  // namespace labctl::model
