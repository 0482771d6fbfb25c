#pragma once

// The environment variables by which a container finds Services (spec §2.4; concepts, "Discovering
// services").

#include "labctl/controllers/container_env.hpp"

#include <string>

namespace labctl::store {
class Store;
}

namespace labctl::controllers {

// FOO_SERVICE_HOST and the others of each Service of `ns` that has a ClusterIP now, by name, and of
// kubernetes in default. Without `enable_service_links` (spec.enableServiceLinks, true if unset) of
// kubernetes alone. An own Service named kubernetes takes the other's place, as in Kubernetes.
//
// Eight variables a Service: beyond some thousand Services in one namespace they exceed what execve(2) takes,
// here as in Kubernetes, and the pods want enableServiceLinks: false.
Environment service_environment(const store::Store& store, const std::string& ns, bool enable_service_links);

}  // namespace labctl::controllers
