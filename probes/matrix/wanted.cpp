#include "probes/matrix/wanted.hpp"

namespace labctl::matrix {

using probes::Outcome;

Outcome wanted_outcome(const End& from, const End& to) noexcept {
  return from.is_outside && !to.on_host_network ? Outcome::Unreachable : Outcome::Ok;
}

}  // namespace labctl::matrix
