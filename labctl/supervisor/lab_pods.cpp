// Pods of a lab: from an object with a node and an address to a network namespace with running containers,
// and back.

#include "labctl/controllers/dns_objects.hpp"
#include "labctl/controllers/events.hpp"
#include "labctl/controllers/image_map.hpp"
#include "labctl/controllers/objects.hpp"
#include "labctl/controllers/service_env.hpp"
#include "labctl/supervisor/boot_objects.hpp"
#include "labctl/supervisor/lab.hpp"
#include "topology/base/error.hpp"
#include "topology/manifest/decode.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace labctl::supervisor {
namespace {

using nlohmann::json;

// After which a pod whose network could not be made is tried again.
constexpr std::chrono::seconds kPlaceAgainAfter{1};
// One turn settles; the next rounds only follow what it caused. More means that something turns around.
constexpr int kRoundsMax = 100;

model::PodKey key_of(const store::Key& key) { return {key.ns, key.name}; }
store::Key key_of(const model::PodKey& key) { return {"pods", key.ns, key.name}; }

// spec.enableServiceLinks; true if unset.
bool wants_service_links(const json& pod) {
  const json* links = controllers::field(pod, "spec.enableServiceLinks");
  return links == nullptr || !links->is_boolean() || links->get<bool>();
}

std::chrono::milliseconds grace_of(const json& pod) {
  return std::chrono::seconds(controllers::number_at(pod, "metadata.deletionGracePeriodSeconds", 30));
}

}  // namespace

void Lab::sync() {
  is_sync_scheduled_ = false;
  for (int round = 0; round < kRoundsMax; ++round) {
    const std::vector<model::Pod> to_place = reconcile();
    if (!to_place.empty()) {
      place(to_place);
    }
    if (changed_pods_.empty() && stopped_.empty() && !reconciler_.has_work()) {
      data_path_.sync();
      dns_.sync();
      return;
    }
  }
  spdlog::error("the lab does not settle");
}

// One turn of the controllers, and of what follows from it but for the pods to be placed: these it returns.
std::vector<model::Pod> Lab::reconcile() {
  const controllers::Reconciled reconciled = reconciler_.run();
  if (reconciled.again_at) {
    if (timer_) {
      loop_.cancel(*timer_);
    }
    const auto delay =
        std::chrono::duration_cast<std::chrono::milliseconds>(*reconciled.again_at - clock_.wall());
    timer_ = loop_.call_after(std::max(delay, std::chrono::milliseconds(1)), [this] { sync(); });
  }
  remove_stopped();
  std::vector<model::Pod> to_place;
  for (const store::Key& key : std::exchange(changed_pods_, {})) {
    take_in(key, to_place);
  }
  return to_place;
}

void Lab::take_in(const store::Key& key, std::vector<model::Pod>& to_place) {
  const model::PodKey pod_key = key_of(key);
  const store::ObjectPtr pod = store_.find(key);
  const auto placed = placed_.find(pod_key);
  if (pod == nullptr) {
    // Removed by force: nobody waits for its containers.
    life_.stop(pod_key, std::chrono::milliseconds(0));
    return;
  }
  if (placed == placed_.end()) {
    if (is_placeable(*pod)) {
      to_place.push_back(manifest::decode_pod(*pod));
    }
    return;
  }
  if (controllers::field(*pod, "spec.readinessGates") != nullptr) {
    life_.report_again(pod_key);  // a condition of theirs may have been set
  }
  if (!controllers::text_at(*pod, "metadata.deletionTimestamp").empty()) {
    life_.stop(pod_key, grace_of(*pod));
  } else if (is_finished(*pod) && placed->second.is_connected) {
    disconnect({pod_key});
  }
}

std::vector<plan::PodSlot> Lab::make_slots(const std::vector<model::Pod>& pods) {
  std::vector<plan::PodSlot> slots;
  for (const model::Pod& pod : pods) {
    Placed placed;
    placed.slot = slot_of(cluster_, pod, next_pod_number_++);
    placed.on_host_network = pod.host_network;
    placed.is_dns = controllers::is_dns_pod(pod);
    for (const model::Container& container : pod.containers) {
      placed.ports.insert(placed.ports.end(), container.ports.begin(), container.ports.end());
    }
    if (!pod.host_network) {
      slots.push_back(placed.slot);
    }
    placed_[pod.key] = std::move(placed);
  }
  vantages_.reset();
  return slots;
}

void Lab::place(const std::vector<model::Pod>& pods) {
  const std::vector<plan::PodSlot> slots = make_slots(pods);
  try {
    fabric_.apply(plan::plan_pods(cluster_, slots));
  } catch (const Error& error) {
    for (const model::Pod& pod : pods) {
      placed_.erase(pod.key);
    }
    vantages_.reset();
    place_again_later(pods, error);
    return;
  }
  for (const model::Pod& pod : pods) {
    start_containers(pod, fabric_.namespace_fd(namespace_of(pod)));
  }
}

void Lab::place_again_later(const std::vector<model::Pod>& pods, const Error& error) {
  spdlog::warn("place pods: {}", error.what());
  for (const model::Pod& pod : pods) {
    if (const store::ObjectPtr object = store_.find(key_of(pod.key))) {
      controllers::record(store_, *object, controllers::EventType::Warning, "FailedCreatePodSandBox",
                          error.what(), "kubelet");
    }
  }
  loop_.call_after(kPlaceAgainAfter, [this, pods] {
    for (const model::Pod& pod : pods) {
      changed_pods_.insert(key_of(pod.key));
    }
    sync();
  });
}

// Whose network the pod's containers run in.
plan::NamespaceId Lab::namespace_of(const model::Pod& pod) const {
  const Placed& placed = placed_.at(pod.key);
  return placed.on_host_network ? plan::node_id(cluster_.nodes[placed.slot.node].name) : placed.slot.id;
}

void Lab::start_containers(const model::Pod& pod, int netns_fd) {
  if (!dns_.has_been_ready() && !controllers::is_dns_pod(pod) &&
      controllers::runs_programs(pod, cluster_.images)) {
    waiting_for_dns_.emplace_back(pod, netns_fd);
    return;
  }
  const auto index = placed_.at(pod.key).slot.node;
  const model::Node& node = cluster_.nodes[index];
  controllers::PodPlace place;
  place.node_netns_fd = node_netns_fds_[index];
  place.netns_fd = netns_fd;
  place.hostname = pod.host_network ? node.name : model::hostname_of(pod, cluster_.dns.domain);
  place.host_ips = node.addresses;
  if (!pod.host_network) {
    data_path_.claim_host_ports(pod, placed_.at(pod.key).slot.node);
  }
  if (const store::ObjectPtr object = store_.find(key_of(pod.key))) {
    place.services = controllers::service_environment(store_, pod.key.ns, wants_service_links(*object));
  }
  life_.start(pod, place);
  Placed& placed = placed_.at(pod.key);
  placed.resolver = std::make_shared<Resolver>(resolver_of(life_.resolv_conf(pod.key)));
  place_changed(placed);
}

// Programs may look names up as soon as they run.
void Lab::start_waiting_containers() {
  for (const auto& [pod, netns_fd] : std::exchange(waiting_for_dns_, {})) {
    start_containers(pod, netns_fd);
  }
}

void Lab::disconnect(const std::vector<model::PodKey>& keys) {
  std::vector<plan::PodSlot> slots;
  for (const model::PodKey& key : keys) {
    const auto placed = placed_.find(key);
    if (placed != placed_.end() && placed->second.is_connected) {
      placed->second.is_connected = false;
      *placed->second.has_gone = true;
      place_changed(placed->second);
      data_path_.release_host_ports(key);
      if (!placed->second.on_host_network) {
        slots.push_back(placed->second.slot);
      }
    }
  }
  try {
    fabric_.apply(plan::plan_pod_removal(cluster_, slots));
  } catch (const Error& error) {
    // Taking down goes on: the links go with the pods' namespaces.
    spdlog::warn("disconnect pods: {}", error.what());
  }
}

void Lab::remove_stopped() {
  const std::vector<model::PodKey> keys = std::exchange(stopped_, {});
  if (keys.empty()) {
    return;
  }
  disconnect(keys);
  std::vector<plan::NamespaceId> ids;
  for (const model::PodKey& key : keys) {
    const auto placed = placed_.find(key);
    if (placed == placed_.end()) {
      continue;
    }
    if (!placed->second.on_host_network) {
      ids.push_back(placed->second.slot.id);
    }
    dns_.forget(key);
    placed_.erase(placed);
    // A namesake may have come since: only the one that was to go is removed.
    const store::ObjectPtr pod = store_.find(key_of(key));
    if (pod != nullptr && !controllers::text_at(*pod, "metadata.deletionTimestamp").empty()) {
      store_.remove(key_of(key));
    } else if (pod != nullptr) {
      changed_pods_.insert(key_of(key));
    }
  }
  fabric_.remove(ids);
}

void Lab::write_status(const controllers::PodReport& report) {
  const store::Key key = key_of(report.key);
  const store::ObjectPtr pod = store_.find(key);
  if (pod == nullptr || controllers::text_at(*pod, "metadata.uid") != report.uid) {
    return;
  }
  json updated = *pod;
  updated["status"] = controllers::pod_status(*pod, report.containers, clock_.wall());
  store_.update(key, std::move(updated));
}

controllers::PodLifeHooks Lab::life_hooks() {
  controllers::PodLifeHooks hooks;
  hooks.on_change = [this](const controllers::PodReport& report) { write_status(report); };
  hooks.on_stopped = [this](const controllers::PodReport& report) {
    stopped_.push_back(report.key);
    schedule_sync();
  };
  hooks.on_event = [this](const model::PodKey& key, const controllers::PodEvent& event) {
    if (const store::ObjectPtr pod = store_.find(key_of(key))) {
      controllers::record(store_, *pod,
                          event.is_warning ? controllers::EventType::Warning : controllers::EventType::Normal,
                          event.reason, event.message, "kubelet");
    }
  };
  hooks.before_start = [this](const model::Pod& pod, const controllers::PodPlace& place) {
    dns_.before_start(pod, place.netns_fd);
  };
  hooks.on_notice = [](std::string_view text) { spdlog::info("{}", text); };
  return hooks;
}

}  // namespace labctl::supervisor
