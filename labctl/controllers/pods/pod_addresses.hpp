#pragma once

// Pod addresses: one of each family from the pod CIDRs of the pod's node, the lowest that is free. A pod
// keeps its address until it is removed or finished; a hostNetwork pod has its node's.

#include "labctl/controllers/work.hpp"

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace labctl::controllers {

// The pool of a node's pod CIDR in the allocations: "pods/10.244.1.0/24".
std::string address_pool(const Prefix& pod_cidr);
// Who holds a pod's addresses: "pod/default/web-0".
std::string address_owner(const store::Key& pod);

// Gives out addresses in one transaction: all claims of a run, or none when it is destroyed before commit().
class AddressPass {
 public:
  explicit AddressPass(Work& work);

  // Sets status.podIP, podIPs, hostIP and hostIPs of a pod that has spec.nodeName. False, with the condition
  // PodScheduled saying so, when the node has no address left.
  bool give(nlohmann::json& pod);
  void commit() { transaction_.commit(); }

 private:
  struct Pool {
    std::string name;
    std::vector<bool> taken;       // by offset in the prefix
    std::size_t lowest_maybe = 0;  // nothing below is free
  };
  Pool& pool_of(const Prefix& prefix);
  // Which end of a range is given out first. The lab's own DNS pods have the other one, so that the addresses
  // of the files' pods are the same with DNS and without.
  enum class End { First, Last };
  // One address of each pod CIDR, in their order; none at all when one is exhausted.
  std::vector<std::string> claim_all(const model::Node& node, const std::string& owner, End end);
  // Empty when the pool is.
  std::string claim(const Prefix& prefix, const std::string& owner, End end);
  std::string claim_at(Pool& pool, const Prefix& prefix, std::size_t offset, const std::string& owner);

  Work& work_;
  store::Allocations::Transaction transaction_;
  std::map<Prefix, Pool> pools_;
};

// Makes the allocations of these pods agree with the objects: what a removed or finished pod held is
// released, what a pod says it has is claimed. A finished pod's podIP goes from its status, as another pod
// may soon have it.
void release_addresses(Work& work, const std::vector<store::Key>& pods);

}  // namespace labctl::controllers
