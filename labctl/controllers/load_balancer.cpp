#include "labctl/controllers/load_balancer.hpp"

#include "labctl/objects/contain.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace labctl::controllers {
namespace {

using allocation::service_type;
using nlohmann::json;
using objects::field;
using objects::has_balancer_finalizer;
using objects::is_being_deleted;
using objects::record;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

// How often to start again when other labs are quicker.
constexpr int kClaimTries = 10;
constexpr std::string_view kComponent = "service-controller";

json ingress_in(const json& service) {
  const json* ingress = field(service, "status.loadBalancer.ingress");
  return ingress != nullptr && ingress->is_array() ? *ingress : json::array();
}

std::string ip_mode_of(const json& service) {
  const json* annotations = field(service, "metadata.annotations");
  const bool is_proxy = annotations != nullptr && annotations->is_object() &&
                        annotations->value(std::string(kIpModeAnnotation), json()) == "Proxy";
  return is_proxy ? "Proxy" : "VIP";
}

std::vector<Family> families_of(const json& service) {
  std::vector<Family> families;
  const json* list = field(service, "spec.ipFamilies");
  for (const json& family : list != nullptr && list->is_array() ? *list : json::array()) {
    families.push_back(family == to_string(Family::IPv6) ? Family::IPv6 : Family::IPv4);
  }
  return families;
}

// spec.loadBalancerIP, when it is of that family.
std::optional<IpAddress> requested_ip(const json& service, Family family) {
  const auto address = IpAddress::parse(text_at(service, "spec.loadBalancerIP"));
  return address && address->family() == family ? address : std::nullopt;
}

void set_ingress(json& service, const json& ingress) {
  json& balancer = service["status"]["loadBalancer"];
  balancer = json::object();
  if (!ingress.empty()) {
    balancer["ingress"] = ingress;
  }
}

void set_finalizer(json& service, bool is_wanted) {
  json& metadata = service["metadata"];
  json finalizers = objects::list_at(service, "metadata.finalizers");
  finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), objects::kBalancerFinalizer),
                   finalizers.end());
  if (is_wanted) {
    finalizers.push_back(objects::kBalancerFinalizer);
  }
  if (finalizers.empty()) {
    metadata.erase("finalizers");
  } else {
    metadata["finalizers"] = std::move(finalizers);
  }
}

}  // namespace

bool is_for_router(const json& service) {
  const std::string& load_balancer_class = text_at(service, "spec.loadBalancerClass");
  return service_type(service) == "LoadBalancer" &&
         (load_balancer_class.empty() || load_balancer_class == kRouterClass);
}

BalancerLoop::BalancerLoop(store::Store& store, const model::Cluster& cluster)
    : store_(store), ranges_(cluster) {
  for (const ObjectPtr& service : store.list(allocation::kServices)) {
    due_.insert(
        {std::string(allocation::kServices), objects::namespace_of(*service), objects::name_of(*service)});
  }
  subscription_ = store.on_change([this](const store::Change& change) { note(change); });
}

void BalancerLoop::note(const store::Change& change) {
  if (change.key.resource != allocation::kServices) {
    return;
  }
  due_.insert(change.key);
  // Somebody may have given an address back.
  if (change.before != nullptr && !ingress_in(*change.before).empty()) {
    due_.insert(waiting_.begin(), waiting_.end());
  }
}

bool BalancerLoop::run() {
  Pools pools;
  for (const Key& key : std::exchange(due_, {})) {
    if (!objects::contain(store_, key, "SyncLoadBalancerFailed", kComponent, [&] { sync(key, pools); })) {
      pools.clear();  // claims that were undone
      failed_.insert(key);
    }
  }
  return failed_.empty();
}

void BalancerLoop::retry() { due_.merge(failed_); }

void BalancerLoop::sync(const Key& key, Pools& pools) {
  const ObjectPtr service = store_.find(key);
  if (service != nullptr && is_for_router(*service) && !is_being_deleted(*service)) {
    ensure(key, *service, pools);
    return;
  }
  waiting_.erase(key);
  if (service == nullptr) {
    return;
  }
  const bool is_foreign = service_type(*service) == "LoadBalancer" && !is_for_router(*service);
  if (has_balancer_finalizer(*service) || (!is_foreign && !ingress_in(*service).empty())) {
    clean_up(key, *service);
  }
}

void BalancerLoop::ensure(const Key& key, const json& service, Pools& pools) {
  std::optional<store::Allocations::Transaction> transaction;
  json ingress = json::array();
  std::string failure;
  try {
    for (int tries = 1; !claim_ingress(key, service, pools, transaction, ingress); ++tries) {
      if (tries == kClaimTries) {
        throw Error(ErrorKind::Busy, "other labs keep claiming the same addresses");
      }
    }
  } catch (const Error& error) {
    failure = error.message();
    ingress = json::array();
    transaction.reset();  // undoes the claims; what the status drops now is given back for good
    pools.clear();
  }
  json after = service;
  set_ingress(after, ingress);
  set_finalizer(after, true);
  const bool is_news = ingress != ingress_in(service);
  const ObjectPtr written = store_.update(key, std::move(after));
  if (failure.empty()) {
    transaction->commit();
    waiting_.erase(key);
    if (is_news) {
      record(store_, *written, objects::EventType::Normal, "EnsuringLoadBalancer", "Ensuring load balancer",
             kComponent);
      record(store_, *written, objects::EventType::Normal, "EnsuredLoadBalancer", "Ensured load balancer",
             kComponent);
    }
  } else if (waiting_.insert(key).second) {
    record(store_, *written, objects::EventType::Warning, "SyncLoadBalancerFailed",
           "Error syncing load balancer: failed to ensure load balancer: " + failure, kComponent);
  }
}

bool BalancerLoop::claim_ingress(const Key& key, const json& service, Pools& pools,
                                 std::optional<store::Allocations::Transaction>& transaction, json& ingress) {
  transaction.reset();
  transaction.emplace(store_.allocations());
  ingress = json::array();
  for (const std::string& address : claim_addresses(service, allocation::service_owner(key), pools)) {
    ingress.push_back({{"ip", address}, {"ipMode", ip_mode_of(service)}});
  }
  if (transaction->prepare()) {
    return true;
  }
  pools.clear();
  return false;
}

std::vector<std::string> BalancerLoop::claim_addresses(const json& service, const std::string& owner,
                                                       Pools& pools) {
  std::vector<std::string> addresses;
  for (const Family family : families_of(service)) {
    if (const Prefix* range = ranges_.balancer_ips(family)) {
      addresses.push_back(claim_address(*range, service, owner, pools));
    }
  }
  if (addresses.empty()) {
    throw Error(ErrorKind::NotFound, "the cluster has no range of load balancer addresses of its families");
  }
  return addresses;
}

std::string BalancerLoop::claim_address(const Prefix& range, const json& service, const std::string& owner,
                                        Pools& pools) {
  const std::string name = allocation::ServiceRanges::balancer_pool(range);
  const auto requested = requested_ip(service, range.family());
  for (const json& entry : ingress_in(service)) {
    const auto held = IpAddress::parse(text_at(entry, "ip"));
    if (held && range.contains(*held) && (!requested || *requested == *held) &&
        store_.allocations().owner_of(name, to_string(*held)) == owner) {
      return to_string(*held);
    }
  }
  allocation::ValuePool& pool = pools.try_emplace(name, store_.allocations(), name, range).first->second;
  if (!requested) {
    const auto address = pool.claim_first(owner);
    if (!address) {
      throw Error(ErrorKind::NotFound, "no address is left in " + to_string(range));
    }
    return *address;
  }
  const std::string address = to_string(*requested);
  const allocation::ValuePool::Claim result = pool.claim(address, owner);
  if (result != allocation::ValuePool::Claim::Made) {
    throw Error(ErrorKind::NotFound, "loadBalancerIP " + address +
                                         (result == allocation::ValuePool::Claim::Taken
                                              ? " is already allocated"
                                              : " is not in the range " + to_string(range)));
  }
  return address;
}

void BalancerLoop::clean_up(const Key& key, const json& service) {
  if (has_balancer_finalizer(service)) {
    record(store_, service, objects::EventType::Normal, "DeletingLoadBalancer", "Deleting load balancer",
           kComponent);
  }
  json after = service;
  set_ingress(after, json::array());
  set_finalizer(after, false);
  const ObjectPtr written = store_.update(key, std::move(after));
  record(store_, *written, objects::EventType::Normal, "DeletedLoadBalancer", "Deleted load balancer",
         kComponent);
  if (is_being_deleted(*written) && !objects::has_finalizers(*written)) {
    store_.remove(key);
  }
}

}  // namespace labctl::controllers
