#include "labctl/allocation/service_allocation.hpp"

#include "labctl/allocation/service_families.hpp"
#include "labctl/allocation/service_update.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/base/fnv.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

namespace labctl::allocation {
namespace {

using nlohmann::json;
using objects::number_at;
using store::Key;
using store::ObjectPtr;

// How often to start again when other labs are quicker.
constexpr int kTries = 10;

// The Services every lab has, at addresses of the range that are the same in each. Where labs share a range
// only one can have those.
bool is_own_of_lab(const Key& key) {
  return (key.ns == model::kDefaultNamespace && key.name == model::kKubernetesService) ||
         (key.ns == model::kSystemNamespace && key.name == model::kDnsService);
}

json& ports_in(json& service) {
  json& spec = service["spec"];
  if (!spec.contains("ports") || !spec["ports"].is_array()) {
    spec["ports"] = json::array();
  }
  return spec["ports"];
}

std::string port_path(std::size_t index) { return "spec.ports[" + std::to_string(index) + "].nodePort"; }

// The node port that another protocol has for the same port: one number does for both.
std::int64_t shared_node_port(const json& ports, const json& port) {
  const std::string_view protocol = protocol_of(port);
  const std::int64_t number = number_at(port, "port", 0);
  for (const json& other : ports) {
    const std::int64_t node_port = number_at(other, "nodePort", 0);
    if (node_port == 0 || number_at(other, "port", 0) != number || protocol_of(other) == protocol) {
      continue;
    }
    const bool is_free = std::none_of(ports.begin(), ports.end(), [&](const json& one) {
      return number_at(one, "nodePort", 0) == node_port && protocol_of(one) == protocol;
    });
    if (is_free) {
      return node_port;
    }
  }
  return 0;
}

}  // namespace

// A Service on its way into the store.
struct ServiceAllocation::Draft {
  Key key;
  json service;
  ObjectPtr before;  // null when it is new
  std::string owner;
  std::vector<ServiceValue> own;  // what `before` holds
  objects::FieldErrors errors;

  bool holds(const std::string& pool, const std::string& value) const {
    return std::any_of(own.begin(), own.end(),
                       [&](const ServiceValue& one) { return one.pool == pool && one.value == value; });
  }
};

// What one write claims: undone, in the table and in memory, unless it is committed.
class ServiceAllocation::Claims {
 public:
  explicit Claims(store::Allocations& allocations) : transaction_(allocations) {}
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  ~Claims() {
    for (const auto& [pool, value] : made_) {
      pool->forget(value);
    }
  }

  ValuePool::Claim claim(ValuePool& pool, const std::string& value, std::string_view owner) {
    const ValuePool::Claim result = pool.claim(value, owner);
    if (result == ValuePool::Claim::Made) {
      made_.emplace_back(&pool, value);
    }
    return result;
  }
  std::optional<std::string> claim_any(ValuePool& pool, std::uint64_t seed, std::string_view owner) {
    std::optional<std::string> value = pool.claim_any(seed, owner);
    if (value) {
      made_.emplace_back(&pool, *value);
    }
    return value;
  }
  // False when another lab was quicker.
  bool prepare() { return transaction_.prepare(); }
  void commit() {
    transaction_.commit();
    made_.clear();
  }

 private:
  store::Allocations::Transaction transaction_;
  std::vector<std::pair<ValuePool*, std::string>> made_;
};

ServiceAllocation::ServiceAllocation(store::Store& store, const model::Cluster& cluster)
    : store_(store), cluster_(cluster), ranges_(cluster) {
  store::Allocations& table = store_.allocations();
  for (const Family family : cluster.families) {
    if (const Prefix* range = ranges_.cluster_ips(family)) {
      families_.push_back(family);
      const std::string name = ServiceRanges::cluster_ip_pool(*range);
      pools_.try_emplace(name, table, name, *range);
    }
  }
  const std::string ports = ranges_.node_port_pool();
  pools_.try_emplace(ports, table, ports, ranges_.node_port_first(), ranges_.node_port_last());
  subscription_ = store_.on_change([this](const store::Change& change) { release_dropped(change); });
}

template <typename Act>
void ServiceAllocation::claim_and(const Act& act) {
  for (int tries = 1;; ++tries) {
    Claims claims(store_.allocations());
    if (act(claims)) {
      claims.commit();
      return;
    }
    if (tries == kTries) {
      throw Error(ErrorKind::Busy, "other labs keep claiming the same values of a shared range", "try again");
    }
    for (auto& [name, pool] : pools_) {
      pool.reload();
    }
  }
}

template <typename Write>
ObjectPtr ServiceAllocation::write(const Key& key, const json& service, const ObjectPtr& before,
                                   const Write& write_it) {
  ObjectPtr written;
  claim_and([&](Claims& claims) {
    Draft draft = draft_of(key, service, before);
    allocate(draft, claims);
    if (!claims.prepare()) {
      return false;
    }
    written = write_it(std::move(draft.service));
    return true;
  });
  return written;
}

ObjectPtr ServiceAllocation::create(const Key& key, json service) {
  if (store_.find(key) != nullptr) {
    return store_.create(key, std::move(service));  // says that it exists
  }
  return write(key, service, nullptr, [&](json object) { return store_.create(key, std::move(object)); });
}

ObjectPtr ServiceAllocation::update(const Key& key, json service) {
  return write(key, service, store_.get(key),
               [&](json object) { return store_.update(key, std::move(object)); });
}

void ServiceAllocation::create_all(std::vector<New> services) {
  claim_and([&](Claims& claims) {
    std::vector<Draft> drafts = claim_all(services, claims);
    if (!claims.prepare()) {
      return false;
    }
    for (Draft& draft : drafts) {
      store_.create(draft.key, std::move(draft.service));
    }
    return true;
  });
}

std::vector<ServiceAllocation::Draft> ServiceAllocation::claim_all(const std::vector<New>& services,
                                                                   Claims& claims) {
  std::vector<Draft> drafts;
  drafts.reserve(services.size());
  const auto each = [&](const auto& act) {
    for (std::size_t i = 0; i < services.size(); ++i) {
      try {
        act(i);
        drafts[i].errors.throw_if_any("Service", drafts[i].key.name);
      } catch (Error& error) {
        throw services[i].where.empty() ? error : error.add_frame(services[i].where);
      }
    }
  };
  each([&](std::size_t i) {
    if (store_.find(services[i].key) != nullptr) {
      throw Error(ErrorKind::AlreadyExists, "services \"" + services[i].key.name + "\" already exists");
    }
    drafts.push_back(draft_of(services[i].key, services[i].service, nullptr));
  });
  each([&](std::size_t i) { claim_requested(drafts[i], claims); });
  each([&](std::size_t i) { claim_rest(drafts[i], claims); });
  return drafts;
}

ObjectPtr ServiceAllocation::try_create(const Key& key, json service) {
  if (store_.find(key) != nullptr) {
    return store_.create(key, std::move(service));
  }
  return try_write(key, std::move(service), nullptr);
}

ObjectPtr ServiceAllocation::try_update(const Key& key, json service) {
  return try_write(key, std::move(service), store_.get(key));
}

ObjectPtr ServiceAllocation::try_write(const Key& key, json service, ObjectPtr before) {
  Draft draft = draft_of(key, std::move(service), std::move(before));
  Claims claims(store_.allocations());
  allocate(draft, claims);
  return std::make_shared<const json>(std::move(draft.service));
}

ServiceAllocation::Draft ServiceAllocation::draft_of(const Key& key, json service, ObjectPtr before) const {
  Draft draft{key, std::move(service), std::move(before), service_owner(key), {}, {}};
  json& spec = draft.service["spec"];
  if (!spec.is_object()) {
    draft.errors.invalid("spec", spec, "must be an object");
    draft.errors.throw_if_any("Service", key.name);
  }
  if (draft.before == nullptr) {
    draft.service["status"].emplace("loadBalancer", json::object());
    link_cluster_ips(draft.service);
  } else {
    draft.own = ranges_.values_of(*draft.before);
    carry_over(*draft.before, draft.service);
    link_cluster_ips(draft.service);
    if (service_type(*draft.before) == "LoadBalancer" && service_type(draft.service) != "LoadBalancer") {
      draft.service["status"]["loadBalancer"] = json::object();
    }
  }
  settle_families(draft.before.get(), draft.service, families_, draft.errors);
  if (draft.before != nullptr) {
    check_given_values_stay(*draft.before, draft.service, draft.errors);
  }
  return draft;
}

void ServiceAllocation::allocate(Draft& draft, Claims& claims) {
  claim_requested(draft, claims);
  draft.errors.throw_if_any("Service", draft.key.name);
  claim_rest(draft, claims);
  draft.errors.throw_if_any("Service", draft.key.name);
}

void ServiceAllocation::claim_requested(Draft& draft, Claims& claims) {
  if (needs_cluster_ip(draft.service) && !is_headless(draft.service)) {
    claim_requested_ips(draft, claims);
  }
  if (may_have_node_ports(draft.service)) {
    claim_requested_ports(draft, claims);
  }
}

void ServiceAllocation::claim_requested_ips(Draft& draft, Claims& claims) {
  std::vector<std::string> ips = cluster_ips_of(draft.service);
  for (std::string& text : ips) {
    const auto address = IpAddress::parse(text);
    ValuePool* pool = address ? pool_of(address->family()) : nullptr;
    if (pool == nullptr || draft.holds(pool->name(), to_string(*address))) {
      continue;  // no address, or of no family of this cluster: said already
    }
    claim_ip(*pool, text, draft, claims);
  }
  if (!ips.empty()) {
    draft.service["spec"]["clusterIP"] = ips.front();
    draft.service["spec"]["clusterIPs"] = ips;
  }
}

void ServiceAllocation::claim_ip(ValuePool& pool, std::string& text, Draft& draft, Claims& claims) {
  const std::string value = to_string(*IpAddress::parse(text));
  const ValuePool::Claim result = claims.claim(pool, value, draft.owner);
  if (result == ValuePool::Claim::Made) {
    return;
  }
  if (result == ValuePool::Claim::Taken && is_own_of_lab(draft.key) &&
      store_.allocations().held_elsewhere(pool.name()).contains(value)) {
    text = claims.claim_any(pool, seed_of(pool, draft, "ip"), draft.owner).value_or(text);
    return;
  }
  const std::string why =
      result == ValuePool::Claim::Taken
          ? "provided IP is already allocated"
          : "provided IP is not in the valid range. The range of valid IPs is " + pool.range_text();
  draft.errors.invalid("spec.clusterIPs", draft.service["spec"]["clusterIPs"],
                       "failed to allocate IP " + text + ": " + why);
}

void ServiceAllocation::claim_requested_ports(Draft& draft, Claims& claims) {
  std::vector<std::int64_t> done;  // several protocols of one Service may share a number
  const json& ports = ports_in(draft.service);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::int64_t port = number_at(ports[i], "nodePort", 0);
    if (port != 0 && std::find(done.begin(), done.end(), port) == done.end()) {
      claim_port(port_path(i), port, draft, claims);
      done.push_back(port);
    }
  }
  const std::int64_t health = number_at(draft.service, "spec.healthCheckNodePort", 0);
  if (needs_health_check_port(draft.service) && health != 0) {
    claim_port("spec.healthCheckNodePort", health, draft, claims);
  }
}

void ServiceAllocation::claim_port(const std::string& path, std::int64_t port, Draft& draft, Claims& claims) {
  ValuePool& pool = node_ports();
  const std::string value = std::to_string(port);
  if (draft.holds(pool.name(), value)) {
    return;
  }
  const ValuePool::Claim result = claims.claim(pool, value, draft.owner);
  if (result == ValuePool::Claim::Taken) {
    draft.errors.invalid(path, port, "provided port is already allocated");
  } else if (result == ValuePool::Claim::OutOfRange) {
    draft.errors.invalid(
        path, port,
        "provided port is not in the valid range. The range of valid ports is " + pool.range_text());
  }
}

void ServiceAllocation::claim_rest(Draft& draft, Claims& claims) {
  if (!draft.errors.empty()) {
    return;
  }
  if (needs_cluster_ip(draft.service) && !is_headless(draft.service)) {
    claim_other_ips(draft, claims);
  }
  if (may_have_node_ports(draft.service)) {
    claim_other_ports(draft, claims);
  }
}

void ServiceAllocation::claim_other_ips(Draft& draft, Claims& claims) {
  json& spec = draft.service["spec"];
  json ips = cluster_ips_of(draft.service);
  for (std::size_t i = ips.size(); i < spec["ipFamilies"].size(); ++i) {
    const bool is_v4 = spec["ipFamilies"][i] == to_string(Family::IPv4);
    ValuePool& pool = *pool_of(is_v4 ? Family::IPv4 : Family::IPv6);
    const auto address = claims.claim_any(pool, seed_of(pool, draft, "ip"), draft.owner);
    if (!address) {
      draft.errors.internal("spec.clusterIPs", "failed to allocate a serviceIP: range is full");
      return;
    }
    ips.push_back(*address);
  }
  spec["clusterIP"] = ips.front();
  spec["clusterIPs"] = std::move(ips);
}

void ServiceAllocation::claim_other_ports(Draft& draft, Claims& claims) {
  ValuePool& pool = node_ports();
  const auto any = [&](const std::string& path, std::string_view what) -> std::int64_t {
    const auto port = claims.claim_any(pool, seed_of(pool, draft, what), draft.owner);
    if (!port) {
      draft.errors.internal(path, "failed to allocate a nodePort: range is full");
    }
    return port ? std::stoll(*port) : 0;
  };
  json& ports = ports_in(draft.service);
  for (std::size_t i = 0; needs_node_ports(draft.service) && i < ports.size(); ++i) {
    if (number_at(ports[i], "nodePort", 0) == 0) {
      const std::int64_t shared = shared_node_port(ports, ports[i]);
      ports[i]["nodePort"] = shared != 0 ? shared : any(port_path(i), std::to_string(i));
    }
  }
  json& spec = draft.service["spec"];
  if (needs_health_check_port(draft.service) && number_at(spec, "healthCheckNodePort", 0) == 0) {
    spec["healthCheckNodePort"] = any("spec.healthCheckNodePort", "health");
  }
}

ValuePool* ServiceAllocation::pool_of(Family family) {
  const Prefix* range = ranges_.cluster_ips(family);
  const auto found = range == nullptr ? pools_.end() : pools_.find(ServiceRanges::cluster_ip_pool(*range));
  return found == pools_.end() ? nullptr : &found->second;
}

std::uint64_t ServiceAllocation::seed_of(const ValuePool& pool, const Draft& draft,
                                         std::string_view what) const {
  return fnv1a(cluster_.name + "\n" + pool.name() + "\n" + draft.owner + "\n" + std::string(what) + "\n" +
               std::to_string(given_back_));
}

void ServiceAllocation::release_dropped(const store::Change& change) {
  if (change.key.resource != kServices || change.before == nullptr) {
    return;
  }
  const std::string owner = service_owner(change.key);
  const bool is_gone = change.type == store::ChangeType::Deleted;
  const std::vector<ServiceValue> held = ranges_.values_of(*change.before);
  const std::vector<ServiceValue> kept =
      is_gone ? std::vector<ServiceValue>{} : ranges_.values_of(*change.object);
  std::vector<ServiceValue> dropped;
  std::set_difference(held.begin(), held.end(), kept.begin(), kept.end(), std::back_inserter(dropped));
  for (const ServiceValue& value : dropped) {
    if (!store_.allocations().release(value.pool, value.value, owner)) {
      continue;
    }
    ++given_back_;
    if (const auto pool = pools_.find(value.pool); pool != pools_.end()) {
      pool->second.forget(value.value);
    }
  }
}

}  // namespace labctl::allocation
