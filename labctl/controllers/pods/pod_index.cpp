#include "labctl/controllers/pods/pod_index.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_course.hpp"
#include "topology/base/fnv.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::list_at;
using objects::number_at;
using objects::text_at;

void add_host_ports(const json& container, bool is_on_host_network, std::vector<HostPort>& ports) {
  for (const json& port : list_at(container, "ports")) {
    const std::int64_t number =
        number_at(port, "hostPort", is_on_host_network ? number_at(port, "containerPort", 0) : 0);
    if (number == 0) {
      continue;
    }
    const std::string& protocol = text_at(port, "protocol");
    const std::string& ip = text_at(port, "hostIP");
    const bool is_any = ip == "0.0.0.0" || ip == "::";
    ports.push_back({number, protocol.empty() ? "TCP" : protocol, is_any ? "" : ip});
  }
}

PodFacts facts_of(const json& pod) {
  PodFacts facts;
  facts.is_being_deleted = objects::is_being_deleted(pod);
  facts.is_active = objects::is_active(pod);
  facts.is_ready = objects::is_ready(pod);
  if (const json* labels = objects::field(pod, "metadata.labels")) {
    facts.labels_hash = std::hash<json>{}(*labels);
  }
  if (const json* controller = objects::controller_of(pod)) {
    facts.controller_hash = controller_hash(text_at(*controller, "uid"));
  }
  if (facts.is_ready) {
    facts.ready_since = objects::ready_since(pod);
  }
  if (objects::lives_on_node(pod)) {
    facts.seat = text_at(pod, "spec.nodeName");
    facts.host_ports = host_ports(pod);
  }
  return facts;
}

}  // namespace

std::vector<HostPort> host_ports(const json& pod) {
  std::vector<HostPort> ports;
  const bool is_on_host_network = objects::is_true_at(pod, "spec.hostNetwork");
  for (const json& container : list_at(pod, "spec.containers")) {
    add_host_ports(container, is_on_host_network, ports);
  }
  for (const json& container : list_at(pod, "spec.initContainers")) {
    if (text_at(container, "restartPolicy") == "Always") {
      add_host_ports(container, is_on_host_network, ports);
    }
  }
  return ports;
}

std::uint64_t controller_hash(std::string_view uid) { return fnv1a(uid); }

PodIndex::PodIndex(store::Store& store) : placed_(std::make_unique<PlacedPods>(store)) {
  for (const store::ObjectPtr& pod : store.list("pods")) {
    add(*pod);
  }
  subscription_ = store.on_change([this](const store::Change& change) {
    if (change.key.resource != "pods") {
      return;
    }
    if (change.before != nullptr) {
      drop(*change.before);
    }
    if (change.type != store::ChangeType::Deleted) {
      add(*change.object);
    }
  });
}

std::size_t PodIndex::living_on(const std::string& node) const {
  const auto found = living_.find(node);
  return found == living_.end() ? 0 : found->second.size();
}

std::vector<store::Key> PodIndex::pods_on(const std::string& node) const {
  std::vector<store::Key> keys;
  const auto found = living_.find(node);
  if (found != living_.end()) {
    for (const json* pod : found->second) {
      keys.push_back({"pods", objects::namespace_of(*pod), objects::name_of(*pod)});
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

bool PodIndex::are_free_on(const std::string& node, const std::vector<HostPort>& ports) const {
  const auto taken = taken_.find(node);
  if (taken == taken_.end()) {
    return true;
  }
  return std::none_of(ports.begin(), ports.end(), [&](const HostPort& wanted) {
    // All with this port and protocol follow the one with the least address.
    auto at = taken->second.lower_bound({wanted.port, wanted.protocol, ""});
    for (; at != taken->second.end() && at->port == wanted.port && at->protocol == wanted.protocol; ++at) {
      if (at->ip.empty() || wanted.ip.empty() || at->ip == wanted.ip) {
        return true;
      }
    }
    return false;
  });
}

void PodIndex::add(const json& pod) {
  const PodFacts& facts = facts_.insert_or_assign(&pod, facts_of(pod)).first->second;
  if (facts.seat.empty()) {
    return;
  }
  living_[facts.seat].insert(&pod);
  if (!facts.host_ports.empty()) {
    taken_[facts.seat].insert(facts.host_ports.begin(), facts.host_ports.end());
  }
}

void PodIndex::drop(const json& pod) {
  const auto found = facts_.find(&pod);
  if (found == facts_.end()) {
    return;
  }
  const PodFacts& facts = found->second;
  if (!facts.seat.empty()) {
    living_[facts.seat].erase(&pod);
    for (const HostPort& port : facts.host_ports) {
      std::multiset<HostPort>& taken = taken_[facts.seat];
      taken.erase(taken.find(port));
    }
  }
  facts_.erase(found);
}

}  // namespace labctl::controllers
