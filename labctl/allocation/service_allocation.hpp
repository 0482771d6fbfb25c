#pragma once

// The one way by which Services come into the store and change there: ClusterIPs, node ports and health check
// ports are given out with the write that names them, families are settled, and all of it or nothing happens.
// What a Service no longer holds is given back with the write that drops it, whoever writes (it listens to
// the store): deletion, garbage, a namespace that goes, a restored snapshot.
//
// The same files give the same addresses: where the search starts follows from the names of cluster and
// Service, and from how many values were given back before.
//
// Threads: the store's.

#include "labctl/allocation/service_values.hpp"
#include "labctl/allocation/value_pool.hpp"
#include "labctl/objects/field_errors.hpp"
#include "labctl/store/store.hpp"
#include "topology/model/cluster.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace labctl::allocation {

class ServiceAllocation {
 public:
  // Both must outlive it.
  ServiceAllocation(store::Store& store, const model::Cluster& cluster);
  ServiceAllocation(const ServiceAllocation&) = delete;
  ServiceAllocation& operator=(const ServiceAllocation&) = delete;

  // As store.create and store.update, of Services whose defaults are filled in. Throw
  // Error besides: InvalidInput with everything that is wrong with the Service, in
  // kubectl's words; nothing has changed then.
  store::ObjectPtr create(const store::Key& key, nlohmann::json service);
  store::ObjectPtr update(const store::Key& key, nlohmann::json service);

  struct New {
    store::Key key;
    nlohmann::json service;
    std::string where;  // added to what is thrown, when not empty
  };
  // Many at once, all or none. Values that are asked for are given first, whatever the order.
  void create_all(std::vector<New> services);

  // What create and update would write, and throw (dryRun).
  store::ObjectPtr try_create(const store::Key& key, nlohmann::json service);
  store::ObjectPtr try_update(const store::Key& key, nlohmann::json service);

  const ServiceRanges& ranges() const { return ranges_; }

 private:
  struct Draft;
  class Claims;

  // Runs `act`, which says false when another lab was quicker, until it comes through; commits its claims.
  template <typename Act>
  void claim_and(const Act& act);
  template <typename Write>
  store::ObjectPtr write(const store::Key& key, const nlohmann::json& service, const store::ObjectPtr& before,
                         const Write& write_it);
  store::ObjectPtr try_write(const store::Key& key, nlohmann::json service, store::ObjectPtr before);
  std::vector<Draft> claim_all(const std::vector<New>& services, Claims& claims);

  Draft draft_of(const store::Key& key, nlohmann::json service, store::ObjectPtr before) const;
  void allocate(Draft& draft, Claims& claims);
  // First what is asked for, then what is left to be chosen.
  void claim_requested(Draft& draft, Claims& claims);
  void claim_requested_ips(Draft& draft, Claims& claims);
  // `text` becomes another address where a Service that every lab has finds its own with another lab.
  void claim_ip(ValuePool& pool, std::string& text, Draft& draft, Claims& claims);
  void claim_requested_ports(Draft& draft, Claims& claims);
  void claim_rest(Draft& draft, Claims& claims);
  void claim_other_ips(Draft& draft, Claims& claims);
  void claim_other_ports(Draft& draft, Claims& claims);
  void claim_port(const std::string& path, std::int64_t port, Draft& draft, Claims& claims);

  ValuePool* pool_of(Family family);
  ValuePool& node_ports() { return pools_.at(ranges_.node_port_pool()); }
  std::uint64_t seed_of(const ValuePool& pool, const Draft& draft, std::string_view what) const;
  void release_dropped(const store::Change& change);

  store::Store& store_;
  const model::Cluster& cluster_;
  ServiceRanges ranges_;
  std::vector<Family> families_;            // that have a range, the cluster's first one first
  std::map<std::string, ValuePool> pools_;  // of ClusterIPs and node ports, by name
  std::uint64_t given_back_ = 0;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::allocation
