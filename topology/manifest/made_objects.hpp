#pragma once

// Objects of the files that a lab makes by itself, as they stand in what was exported from a lab or a
// cluster: what a controller made, the API server's Service, the cluster's DNS servers. They are left out, so
// that the export boots as it was.

#include "topology/manifest/references.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <vector>

namespace labctl::manifest {

// Takes out of `records`, each sort with a warning:
//   what an object of the files controls (ownerReferences, controller: true): its owner makes it again
//   the Service default/kubernetes as an API server writes it, its Endpoints and EndpointSlices
//   with `has_dns`: in kube-system the Service kube-dns, and whatever its selector means (k8s-app: kube-dns),
//   a Deployment of CoreDNS too: pods that answer no names would else stand behind the lab's own Service
void leave_out_made_objects(std::vector<Record>& records, bool has_dns, Findings& findings);

}  // namespace labctl::manifest
