#pragma once

// The places of a lab that one can probe from and to, as of one moment: a copy, so that probes run on threads
// of their own while the lab changes.

#include "labctl/store/change.hpp"
#include "labctl/supervisor/resolver.hpp"
#include "probes/engine/probe.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/model/pod.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace labctl::supervisor {

enum class PlaceKind { Pod, Node, Outside };

// One namespace with its addresses. Pods on the host network share their node's namespace and addresses.
struct Place {
  PlaceKind kind = PlaceKind::Pod;
  std::string id;  // "pod/default/web-0"
  std::vector<IpAddress> addresses;
  std::vector<model::ContainerPort> ports;  // declared, in order
  bool on_host_network = false;
  int netns_fd = -1;         // borrowed when added, the table's own afterwards
  bool is_labs_own = false;  // a DNS pod, which no file brought: in a matrix only when asked for
  std::shared_ptr<const Resolver> resolver = nullptr;  // null: names cannot be looked up from here
};

class VantageTable {
 public:
  // Duplicates the descriptor. Throws Error Kernel without descriptors left.
  void add(Place place);

  // Null when absent.
  const Place* find(const std::string& id) const;
  // The place of id as an engine wants it. Throws Error NotFound with a hint that names a near one.
  const engine::Vantage& vantage(const std::string& id) const;
  // Whose address this is: the pod's rather than its node's. Empty for nobody's.
  const std::string& owner_of(const IpAddress& address) const;
  // The Services of the lab, by namespace and name.
  void set_services(std::vector<store::ObjectPtr> services) { services_ = std::move(services); }
  // Throws Error NotFound with a hint that names a near one.
  const nlohmann::json& service(const std::string& ns, const std::string& name) const;
  // In the order they were added.
  const std::deque<Place>& places() const { return places_; }

 private:
  std::deque<Place> places_;
  std::deque<engine::Vantage> vantages_;  // parallel; deques: addresses stay
  std::deque<UniqueFd> fds_;
  std::unordered_map<std::string, std::size_t> by_id_;
  std::map<IpAddress, std::size_t> by_address_;
  std::vector<store::ObjectPtr> services_;
};

}  // namespace labctl::supervisor
