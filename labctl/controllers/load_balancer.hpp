#pragma once

// Services of type LoadBalancer that ask for no class, or for labctl.dev/router: each gets an address of each
// of its families from the cluster's balancer ranges, the lowest that is free, and says so in
// status.loadBalancer.ingress. Services of another class are somebody else's and are not touched.
//
// The finalizer service.kubernetes.io/load-balancer-cleanup holds such a Service until its address is gone.
// The address itself is given back by ServiceAllocation, with the write that takes it out of the status.
//
// Threads: the store's. It listens to the store, and looks only at what changed.

#include "labctl/allocation/service_values.hpp"
#include "labctl/allocation/value_pool.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/cluster.hpp"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::controllers {

inline constexpr std::string_view kRouterClass = "labctl.dev/router";
// "Proxy": nodes do not capture the address, the router ends the connections and dials the node ports.
inline constexpr std::string_view kIpModeAnnotation = "labctl.dev/ip-mode";

// Of type LoadBalancer and of this controller's class.
bool is_for_router(const nlohmann::json& service);

class BalancerLoop {
 public:
  // Looks at all Services in the first run. Both must outlive it.
  BalancerLoop(store::Store& store, const model::Cluster& cluster);
  BalancerLoop(const BalancerLoop&) = delete;
  BalancerLoop& operator=(const BalancerLoop&) = delete;

  bool has_work() const { return !due_.empty(); }
  // False: something was thrown over a Service, which has an event; retry() later.
  bool run();
  void retry();

 private:
  using Pools = std::map<std::string, allocation::ValuePool>;

  void note(const store::Change& change);
  void sync(const store::Key& key, Pools& pools);
  void ensure(const store::Key& key, const nlohmann::json& service, Pools& pools);
  // Opens the transaction anew and claims in it. False when another lab was quicker. Throws Error when an
  // address cannot be had.
  bool claim_ingress(const store::Key& key, const nlohmann::json& service, Pools& pools,
                     std::optional<store::Allocations::Transaction>& transaction, nlohmann::json& ingress);
  void clean_up(const store::Key& key, const nlohmann::json& service);
  // The addresses the Service shall have, claimed where it has none yet. Throws
  // Error: NotFound when one cannot be had.
  std::vector<std::string> claim_addresses(const nlohmann::json& service, const std::string& owner,
                                           Pools& pools);
  std::string claim_address(const Prefix& range, const nlohmann::json& service, const std::string& owner,
                            Pools& pools);

  store::Store& store_;
  allocation::ServiceRanges ranges_;
  std::set<store::Key> due_;
  std::set<store::Key> waiting_;  // that found no address
  std::set<store::Key> failed_;   // over which something was thrown
  store::Store::Subscription subscription_;
};

}  // namespace labctl::controllers
