#pragma once

// What the cluster's DNS says of an object: the specification "Kubernetes DNS-Based Service Discovery" 1.1.0.

#include "topology/base/ip_address.hpp"
#include "topology/dns/record.hpp"
#include "topology/model/pod.hpp"
#include "topology/model/service.hpp"

#include <string>
#include <vector>

namespace labctl::dns {

// Sorted, none twice. `domain` as in the Cluster, "cluster.local". Endpoints count that are ready.
std::vector<Record> service_records(const model::Service& service,
                                    const std::vector<const model::EndpointSlice*>& slices,
                                    const std::string& domain);

// "10-244-1-7.shop.pod.cluster.local.", for each address.
std::vector<Record> pod_records(const std::string& ns, const std::vector<IpAddress>& addresses,
                                const std::string& domain);

// Makes "shop.svc.cluster.local." a name that exists and has no data, while the namespace has no Service.
std::vector<Record> namespace_records(const std::string& ns, const std::string& domain);

// Of the zone itself: dns-version, and the name of its server with the addresses of the DNS Service.
std::vector<Record> schema_records(const std::string& domain, const std::vector<IpAddress>& server);

}  // namespace labctl::dns
