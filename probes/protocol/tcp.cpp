#include "probes/protocol/tcp.hpp"

namespace labctl::protocol {

std::optional<Identity> identity_in(const HttpResponse& response) noexcept {
  if (response.status != 200) {
    return std::nullopt;
  }
  return parse_identity(response.body);
}

}  // namespace labctl::protocol
