#pragma once

// Which objects a lab cannot be without: it makes them when it boots, and again when somebody deletes them.

namespace labctl::store {
struct Key;
}

namespace labctl::lab {

// The namespaces that every cluster is born with, the Service default/kubernetes with its Endpoints and
// EndpointSlices, the Service and the Deployment kube-system/kube-dns.
bool is_own_object(const store::Key& key);

}  // namespace labctl::lab
