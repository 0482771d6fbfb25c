#include "topology/base/pattern.hpp"

#include "topology/manifest/yaml/findings.hpp"
#include "topology/manifest/yaml/text_format.hpp"

namespace labctl::manifest {

std::optional<Complaint> check_pattern(std::string_view text) {
  const auto fault = Pattern::fault_of(text);
  return fault ? std::optional<Complaint>({fault->message, fault->hint}) : std::nullopt;
}

}  // namespace labctl::manifest
