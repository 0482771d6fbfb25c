#pragma once

// The places of a lab that one can probe from and to, as of one moment. Requests share it: probes run on
// threads of their own while the lab changes, and what is in here stays as it was, the namespaces included.
//
// Threads: add() and set_services() before it is shared, all else from any.

#include "labctl/probing/resolver.hpp"
#include "labctl/store/change.hpp"
#include "probes/engine/probe.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/model/place.hpp"
#include "topology/model/pod.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace labctl::probing {

using model::PlaceKind;

// One namespace with its addresses. Pods on the host network share their node's namespace and addresses.
struct Place {
  PlaceKind kind = PlaceKind::Pod;
  std::string id;  // "pod/default/web-0"
  std::vector<IpAddress> addresses;
  std::vector<model::ContainerPort> ports;  // declared, in order
  bool on_host_network = false;
  bool is_labs_own = false;  // a DNS pod, which no file brought: in a matrix only when asked for
  // Shared with the lab and with every table, so that there is one descriptor however many ask.
  std::shared_ptr<const UniqueFd> netns;
  std::shared_ptr<const Resolver> resolver;  // null: names cannot be looked up from here
  // Set by the lab when the place loses its network. Null: it never does.
  std::shared_ptr<const std::atomic<bool>> has_gone;

  bool has_ended() const { return has_gone != nullptr && *has_gone; }
};

class VantageTable {
 public:
  using PlacePtr = std::shared_ptr<const Place>;

  void add(PlacePtr place) { places_->list.push_back(std::move(place)); }
  // The Services of the lab, by namespace and name.
  void set_services(std::vector<store::ObjectPtr> services) { services_ = std::move(services); }
  // The same places, for when only the Services changed: they are not gone through again.
  std::shared_ptr<const VantageTable> with_services(std::vector<store::ObjectPtr> services) const;

  // Null when absent.
  const Place* find(const std::string& id) const;
  // The place of id as an engine wants it. Throws Error NotFound with a hint that names a near one.
  const engine::Vantage& vantage(const std::string& id) const;
  // find() that throws as vantage() does.
  const Place& place(const std::string& id) const;
  // Whose address this is: the pod's rather than its node's. Empty for nobody's.
  const std::string& owner_of(const IpAddress& address) const;
  // Throws Error NotFound with a hint that names a near one.
  const nlohmann::json& service(const std::string& ns, const std::string& name) const;
  // In the order they were added.
  const std::vector<PlacePtr>& places() const { return places_->list; }

 private:
  // Made by whoever asks first: not on the lab's main loop, which has made the table.
  struct Index {
    std::vector<engine::Vantage> vantages;  // as the places
    std::unordered_map<std::string_view, std::size_t> by_id;
    std::map<IpAddress, std::size_t> by_address;
  };
  const Index& index() const;
  std::size_t position_of(const std::string& id) const;

  struct Places {
    std::vector<PlacePtr> list;
    std::once_flag is_indexed;
    Index index;
  };

  std::shared_ptr<Places> places_ = std::make_shared<Places>();  // of all tables with the same places
  std::vector<store::ObjectPtr> services_;
};

}  // namespace labctl::probing
