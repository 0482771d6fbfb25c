#include "labctl/controllers/pods/pod_addresses.hpp"

#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/own_pods.hpp"
#include "topology/model/place.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::is_finished;
using objects::is_true_at;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

// 0 is the network, 1 the gateway.
constexpr std::size_t kFirstOffset = 2;

// How far `address` is from the start of `prefix`; at least `limit` when it is beyond.
std::size_t offset_in(const Prefix& prefix, const IpAddress& address, std::size_t limit) {
  if (!prefix.contains(address)) {
    return limit;
  }
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const unsigned difference = address.bytes()[i] - prefix.address().bytes()[i];
    if (offset > (UINT64_MAX >> 8U)) {
      return limit;
    }
    offset = (offset << 8U) + difference;
  }
  return static_cast<std::size_t>(std::min<std::uint64_t>(offset, limit));
}

const model::Node* node_named(const model::Cluster& cluster, const std::string& name) {
  const auto found = std::find_if(cluster.nodes.begin(), cluster.nodes.end(),
                                  [&](const model::Node& node) { return node.name == name; });
  return found == cluster.nodes.end() ? nullptr : &*found;
}

json ip_list(const std::vector<std::string>& addresses) {
  json list = json::array();
  for (const std::string& address : addresses) {
    list.push_back({{"ip", address}});
  }
  return list;
}

// The pools and values that the pod's status says are its own: none for
// hostNetwork, nor when it runs no more.
std::vector<std::pair<std::string, std::string>> rightful(const Work& work, const ObjectPtr& pod) {
  std::vector<std::pair<std::string, std::string>> values;
  if (pod == nullptr || is_finished(*pod) || is_true_at(*pod, "spec.hostNetwork")) {
    return values;
  }
  const model::Node* node = node_named(work.cluster, text_at(*pod, "spec.nodeName"));
  const json* ips = objects::field(*pod, "status.podIPs");
  if (node == nullptr || ips == nullptr || !ips->is_array()) {
    return values;
  }
  for (const json& entry : *ips) {
    const auto address = IpAddress::parse(text_at(entry, "ip"));
    for (const Prefix& prefix : node->pod_cidrs) {
      if (address && prefix.contains(*address)) {
        values.emplace_back(address_pool(prefix), to_string(*address));
      }
    }
  }
  return values;
}

void drop_address(Work& work, const Key& key, const ObjectPtr& pod) {
  if (pod == nullptr || !is_finished(*pod) || text_at(*pod, "status.podIP").empty()) {
    return;
  }
  work.store.modify(key, [](json& object) {
    object["status"].erase("podIP");
    object["status"].erase("podIPs");
  });
}

}  // namespace

std::string address_pool(const Prefix& pod_cidr) { return "pods/" + to_string(pod_cidr); }

std::string address_owner(const Key& pod) { return to_string(model::Place::pod(pod.ns, pod.name)); }

AddressPass::AddressPass(Work& work) : work_(work), transaction_(work.store.allocations()) {}

AddressPass::Pool& AddressPass::pool_of(const Prefix& prefix) {
  const auto [found, is_new] = pools_.try_emplace(prefix);
  Pool& pool = found->second;
  if (is_new) {
    pool.name = address_pool(prefix);
    // IPv4's last address is the broadcast address. Beyond the capacity of a node nothing is ever given out.
    const std::uint64_t end = prefix.size() - (prefix.family() == Family::IPv4 ? 1 : 0);
    pool.taken.resize(static_cast<std::size_t>(std::min<std::uint64_t>(end, kFirstOffset + kPodsPerNode)));
    for (const std::string& value : work_.store.allocations().values(pool.name)) {
      const auto address = IpAddress::parse(value);
      const std::size_t offset = address ? offset_in(prefix, *address, pool.taken.size()) : pool.taken.size();
      if (offset < pool.taken.size()) {
        pool.taken[offset] = true;
      }
    }
    pool.lowest_maybe = kFirstOffset;
  }
  return pool;
}

// The bits only propose; the table decides.
std::string AddressPass::claim_at(Pool& pool, const Prefix& prefix, std::size_t offset,
                                  const std::string& owner) {
  if (pool.taken[offset]) {
    return {};
  }
  pool.taken[offset] = true;
  std::string address = to_string(prefix.address().plus(offset));
  return work_.store.allocations().claim(pool.name, address, owner) ? address : std::string();
}

std::string AddressPass::claim(const Prefix& prefix, const std::string& owner, End end) {
  Pool& pool = pool_of(prefix);
  for (std::size_t offset = pool.taken.size(); end == End::Last && offset > kFirstOffset; --offset) {
    if (std::string address = claim_at(pool, prefix, offset - 1, owner); !address.empty()) {
      return address;
    }
  }
  for (; end == End::First && pool.lowest_maybe < pool.taken.size(); ++pool.lowest_maybe) {
    if (std::string address = claim_at(pool, prefix, pool.lowest_maybe, owner); !address.empty()) {
      return address;
    }
  }
  return {};
}

bool AddressPass::give(json& pod) {
  const model::Node* node = node_named(work_.cluster, text_at(pod, "spec.nodeName"));
  if (node == nullptr) {
    return false;
  }
  std::vector<std::string> host;
  for (const IpAddress& address : node->addresses) {
    host.push_back(to_string(address));
  }
  const std::string owner = address_owner({"pods", objects::namespace_of(pod), objects::name_of(pod)});
  const std::vector<std::string> own =
      is_true_at(pod, "spec.hostNetwork")
          ? host
          : claim_all(*node, owner, objects::is_dns_pod(pod) ? End::Last : End::First);
  json& status = pod["status"];
  if (own.empty()) {
    objects::set_condition(status, "PodScheduled", "False", work_.now, "Unschedulable",
                           "node \"" + node->name + "\" has no address left");
    return false;
  }
  status["podIP"] = own.front();
  status["podIPs"] = ip_list(own);
  if (!host.empty()) {
    status["hostIP"] = host.front();
    status["hostIPs"] = ip_list(host);
  }
  return true;
}

std::vector<std::string> AddressPass::claim_all(const model::Node& node, const std::string& owner, End end) {
  std::vector<std::string> claimed;
  for (const Prefix& prefix : node.pod_cidrs) {
    claimed.push_back(claim(prefix, owner, end));
    if (claimed.back().empty()) {
      claimed.pop_back();
      for (std::size_t i = 0; i < claimed.size(); ++i) {
        work_.store.allocations().release(address_pool(node.pod_cidrs[i]), claimed[i], owner);
      }
      return {};
    }
  }
  return claimed;
}

void release_addresses(Work& work, const std::vector<Key>& pods) {
  if (pods.empty()) {
    return;
  }
  store::Allocations& allocations = work.store.allocations();
  store::Allocations::Transaction transaction(allocations);
  for (const Key& key : pods) {
    const ObjectPtr pod = work.store.find(key);
    const std::string owner = address_owner(key);
    const auto own = rightful(work, pod);
    for (const store::Allocation& held : allocations.owned_by(owner)) {
      if (std::find(own.begin(), own.end(), std::pair(held.pool, held.value)) == own.end()) {
        allocations.release(held.pool, held.value, owner);
      }
    }
    for (const auto& [pool, value] : own) {
      allocations.claim(pool, value, owner);
    }
    drop_address(work, key, pod);
  }
  transaction.commit();
}

}  // namespace labctl::controllers
