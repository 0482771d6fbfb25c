#pragma once

// The environment variables by which a container finds Services (network model §2.4;
// concepts, "Discovering services").
//
// They are made once for a Service and once for a namespace, and live as long as a pod that started with
// them: thousands of pods in a namespace of thousands of Services share one list.
//
// Threads: the store's.

#include "labctl/kubelet/container_env.hpp"
#include "labctl/store/store.hpp"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace labctl::kubelet {

class ServiceEnvironments {
 public:
  // `store` must outlive this.
  explicit ServiceEnvironments(store::Store& store);
  ServiceEnvironments(const ServiceEnvironments&) = delete;
  ServiceEnvironments& operator=(const ServiceEnvironments&) = delete;

  // FOO_SERVICE_HOST and the others of each Service of `ns` that has a ClusterIP now, by name, and of
  // kubernetes in default. Without `enable_service_links` (spec.enableServiceLinks, true if unset) of
  // kubernetes alone. An own Service named kubernetes takes the other's place, as in Kubernetes.
  //
  // Eight variables a Service: beyond some thousand Services in one namespace they exceed what execve(2)
  // takes, here as in Kubernetes, and the pods want enableServiceLinks: false.
  ServiceLinks of(const std::string& ns, bool enable_service_links);

 private:
  std::shared_ptr<const Environment> variables(const nlohmann::json& service);
  ServiceLinks make(const std::string& ns, bool enable_service_links);

  store::Store& store_;
  std::map<store::Key, std::shared_ptr<const Environment>> variables_;  // of Services as they are now
  std::map<std::pair<std::string, bool>, ServiceLinks> links_;          // by namespace and whether with links
  store::Store::Subscription subscription_;
};

}  // namespace labctl::kubelet
