#pragma once

// What every namespace has: the ServiceAccount default, and the certificate of the cluster in the ConfigMap
// kube-root-ca.crt (kube-controller-manager: serviceaccount-controller, root-ca-certificate-publisher). Deleted
// or changed, they come back.
//
// Threads: the store's.

#include "labctl/store/store.hpp"

#include <set>
#include <string>

namespace labctl::controllers {

inline constexpr const char* kRootCaConfigMap = "kube-root-ca.crt";

class NamespaceObjectsLoop {
 public:
  // Looks at all namespaces in the first run. `store` must outlive this.
  explicit NamespaceObjectsLoop(store::Store& store);
  NamespaceObjectsLoop(const NamespaceObjectsLoop&) = delete;
  NamespaceObjectsLoop& operator=(const NamespaceObjectsLoop&) = delete;

  bool has_work() const { return !due_.empty(); }
  // False: something was thrown over a namespace, which has an event; retry() later.
  bool run();
  void retry();

 private:
  void note(const store::Change& change);
  void sync(const std::string& ns);

  store::Store& store_;
  std::set<std::string> due_;
  std::set<std::string> failed_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::controllers
