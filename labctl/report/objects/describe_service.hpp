#pragma once

// A Service told in full, as kubectl tells it, and what each node's data path does for it.

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <vector>

namespace labctl::report {

// `slices` are its EndpointSlices.
void describe_service(std::ostream& out, const nlohmann::json& service,
                      const std::vector<nlohmann::json>& slices);

// `programmed` is a list of {node, entries: [{address, protocol, port, verdict, endpoints: [TEXT], note}]};
// nodes that do the same stand together.
void print_programmed(std::ostream& out, const nlohmann::json& programmed);

}  // namespace labctl::report
