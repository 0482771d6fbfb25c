#pragma once

// What DNS says of a name: GET /lab/v1/dns/NAMESPACE/NAME.

#include "labctl/probing/resolver.hpp"
#include "labctl/probing/vantage_table.hpp"
#include "probes/engine/engine.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace labctl::probing {

// Asks for the A, AAAA, CNAME, SRV and TXT records of `name`, of an address for its PTR records, from the
// first node of the lab as `cluster` does (the resolver of a pod in namespace `ns`):
// {"namespace","name","outcome","records":[{"name","ttl","type","data"}],
//  "queries":[{"name","type","server","outcome","rtt_us","rcode"}]}.
// Without any record also "reason" and "rcode" (NODATA for NOERROR; none without a reply), and the outcome
// is the one that says most: an error, else dns_nodata, else dns_nxdomain. Throws Error: InvalidInput (no
// name), Unsupported (no server), NotFound (no node), Busy when `gone` is requested.
nlohmann::json look_up_dns(const engine::Engine& engine, const VantageTable& table, const Resolver& cluster,
                           const std::string& ns, const std::string& name, const Cancel* gone = nullptr);

}  // namespace labctl::probing
