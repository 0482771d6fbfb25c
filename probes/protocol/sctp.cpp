#include "probes/protocol/sctp.hpp"

#include <cerrno>

namespace labctl::protocol {

bool lacks_sctp(int errno_value) noexcept {
  return errno_value == EPROTONOSUPPORT || errno_value == ESOCKTNOSUPPORT || errno_value == EAFNOSUPPORT;
}

probes::Outcome classify_sctp_connect(int so_error) noexcept {
  return so_error == ENOPROTOOPT ? probes::Outcome::Refused : probes::outcome_of_errno(so_error);
}

}  // namespace labctl::protocol
