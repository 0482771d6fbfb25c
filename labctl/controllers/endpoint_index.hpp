#pragma once

// Who selects whom: the pods of each Service with a selector, and the Services of each pod, kept as the store
// changes. A change of one pod among 30,000 finds its Services, and a Service its pods, by the labels they
// have in common, without a look at the others.
//
// Threads: the store's.

#include "labctl/controllers/service_endpoints.hpp"
#include "labctl/store/change.hpp"

#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace labctl::controllers {

class EndpointIndex {
 public:
  // Takes in a change of a pod, Service or node, and adds the keys of the Services whose endpoints may be
  // others now. Those of a Service itself, when it is new, or its selector or anything else in its spec or
  // labels changed.
  void note(const store::Change& change, std::set<store::Key>& affected);

  // The pods of that Service; none when it has no selector. Valid until the next note().
  std::vector<const EndpointPod*> pods_of(const store::Key& service) const;
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

  void note_pod(const store::Change& change, std::set<store::Key>& affected);
  void note_service(const store::Change& change, std::set<store::Key>& affected);
  void note_node(const store::Change& change, std::set<store::Key>& affected);
  void add_selectors_of(const Pod& pod, std::set<store::Key>& affected) const;
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

}  // namespace labctl::controllers
