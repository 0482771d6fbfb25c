#pragma once

// Who selects whom: the pods of each Service with a selector, and the Services of each pod, kept as the store
// changes. A change of one pod among 30,000 finds its Services, and a Service its pods, by the labels they
// have in common, without a look at the others.
//
// Threads: the store's.

#include "labctl/endpoints/service_endpoints.hpp"
#include "labctl/store/change.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace labctl::endpoints {

// What of a Service's endpoints may be different now.
struct AffectedEndpoints {
  bool are_all = false;
  std::map<std::string, store::Key> pods;  // by uid; some may be gone
};
using AffectedServices = std::map<store::Key, AffectedEndpoints>;

class EndpointIndex {
 public:
  // Takes in a change of a pod, Service or node, and adds the Services whose endpoints may be others now: all
  // endpoints of a Service that is new, or in which anything of its spec or labels changed.
  void note(const store::Change& change, AffectedServices& affected);

  // The pods of that Service; none when it has no selector. Valid until the next note().
  std::vector<const EndpointPod*> pods_of(const store::Key& service) const;
  // That pod if the Service selects it; null otherwise.
  const EndpointPod* pod_of(const store::Key& service, const store::Key& pod) const;
  // Empty when the node has no zone.
  const std::string& zone_of(const std::string& node) const;

 private:
  struct Pod {
    model::Labels labels;
    EndpointPod facts;
  };
  struct Service {
    store::Key key;
    model::Labels selector;
    std::string anchor;  // the one of its labels under which it is found
  };
  template <typename Member>
  using ByLabel = std::unordered_map<std::string, std::unordered_set<const Member*>>;

  void note_pod(const store::Change& change, AffectedServices& affected);
  void note_service(const store::Change& change, AffectedServices& affected);
  void note_node(const store::Change& change, AffectedServices& affected);
  void add_selectors_of(const Pod& pod, AffectedServices& affected) const;
  void enter(const Pod& pod);
  void leave(const Pod& pod);
  void drop_service(const std::string& name);
  std::string anchor_for(const Service& service) const;

  // Both by "namespace/name". Their nodes stay where they are, so that the other indexes point to them.
  std::unordered_map<std::string, Pod> pods_;
  std::unordered_map<std::string, Service> services_;
  ByLabel<Pod> pods_by_label_;
  ByLabel<Service> services_by_anchor_;
  std::unordered_map<std::string, std::unordered_set<const Pod*>> pods_by_node_;
  std::unordered_map<std::string, std::string> zones_;
};

}  // namespace labctl::endpoints
