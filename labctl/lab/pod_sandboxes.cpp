// Pods of a lab: from an object with a node and an address to a network namespace with running containers,
// and back.

#include "labctl/kubelet/image_map.hpp"
#include "labctl/lab/boot_objects.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/nameserver/dns_objects.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/decode_pod.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/current_exception.hpp"
#include "topology/base/error.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace labctl::lab {
namespace {

using nlohmann::json;

// One turn settles; the next rounds only follow what it caused. More means that something turns around.
constexpr int kRoundsMax = 100;
// After so long the loop is for others. With the pods under way at its end a turn takes less than twice as
// much.
constexpr std::chrono::milliseconds kTurn{20};
// Pods placed at once in a running lab: as many as take about this long.
constexpr std::chrono::milliseconds kPlacing{25};
constexpr std::size_t kPlaceAtOnceLeast = 16;
constexpr std::size_t kPlaceAtOnceMost = 256;
// Ends of pods carried out at once: their links go in one batch.
constexpr std::size_t kRemoveAtOnce = 64;
constexpr std::chrono::milliseconds kTurnAgainFirst{100};
constexpr int kTurnAgainDoublings = 6;

constexpr std::string_view kKubelet = "kubelet";

model::PodKey key_of(const store::Key& key) { return {key.ns, key.name}; }
store::Key key_of(const model::PodKey& key) { return {"pods", key.ns, key.name}; }

// spec.enableServiceLinks; true if unset.
bool wants_service_links(const json& pod) {
  const json* links = objects::field(pod, "spec.enableServiceLinks");
  return links == nullptr || !links->is_boolean() || links->get<bool>();
}

std::chrono::milliseconds grace_of(const json& pod) {
  return std::chrono::seconds(objects::number_at(pod, "metadata.deletionGracePeriodSeconds", 30));
}

}  // namespace

void Lab::sync() {
  is_sync_scheduled_ = false;
  const controllers::Turn turn = is_booted_ ? controllers::Turn(clock_, kTurn) : controllers::Turn();
  bool is_done = false;
  for (int round = 0; !is_done && (round == 0 || !turn.is_over()); ++round) {
    if (round == kRoundsMax) {
      throw Error(ErrorKind::Internal, "the lab does not settle");
    }
    if (const std::vector<model::Pod> to_place = reconcile(turn); !to_place.empty()) {
      place(to_place);
    }
    is_done = is_at_rest();
  }
  bool is_well = loop_.carry_out([this] { service_proxy_.sync(); });
  is_well = loop_.carry_out([this] { dns_.sync(); }) && is_well;
  is_well = loop_.carry_out([this] { service_proxy_.end_stale_flows(); }) && is_well;
  if (!is_done) {
    schedule_sync();
  } else if (is_well) {
    failures_in_a_row_ = 0;
  }
}

bool Lab::is_at_rest() const { return changed_pods_.empty() && stopped_.empty() && !reconciler_.has_work(); }

std::vector<controllers::Stuck> Lab::stuck() const {
  std::map<store::Key, controllers::HeldPod> held;
  for (const auto& [key, placed] : placed_) {
    held[key_of(key)] = {placed.uid, placed.hold};
  }
  for (const auto& [key, retry] : retries_) {
    if (retry.timer != 0 && !placed_.contains(key)) {
      held[key_of(key)] = {retry.uid, objects::PodHold::Retrying};
    }
  }
  return controllers::find_stuck(store_, held);
}

// Something was thrown that belongs to no object, or work was lost on its way: what is left is looked at
// again.
void Lab::on_failure(const std::string& words) {
  spdlog::error("main loop: {}", words);
  if (turn_again_ != 0) {
    return;
  }
  const int doublings = std::min(failures_in_a_row_++, kTurnAgainDoublings);
  turn_again_ = loop_.call_after(kTurnAgainFirst * (1 << doublings), [this] {
    turn_again_ = 0;
    sync();
  });
}

// One turn of the controllers, and of what follows from it but for the pods to be placed: these it returns.
std::vector<model::Pod> Lab::reconcile(const controllers::Turn& turn) {
  const controllers::Reconciled reconciled = reconciler_.run(turn);
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
  std::size_t looked_at = 0;
  while (!changed_pods_.empty() && !(looked_at >= kRemoveAtOnce && turn.is_over()) &&
         !(is_booted_ && to_place.size() >= place_at_once_)) {
    const store::Key key = std::move(changed_pods_.extract(changed_pods_.begin()).value());
    ++looked_at;
    if (!objects::contain(store_, key, "FailedSync", kKubelet, [&] { take_in(key, to_place); })) {
      const store::ObjectPtr pod = store_.find(key);
      try_again_later(key_of(key), pod == nullptr ? std::string() : objects::uid_of(*pod));
    }
  }
  return to_place;
}

objects::PodHold Lab::hold_of(const model::PodKey& key) const {
  if (const auto placed = placed_.find(key); placed != placed_.end()) {
    return placed->second.hold;
  }
  const auto retry = retries_.find(key);
  return retry != retries_.end() && retry->second.timer != 0 ? objects::PodHold::Retrying
                                                             : objects::PodHold::None;
}

// Does what the pod's course (objects/pod_course.hpp) says is next.
void Lab::take_in(const store::Key& key, std::vector<model::Pod>& to_place) {
  using objects::PodAct;
  using objects::PodHold;
  const model::PodKey pod_key = key_of(key);
  const PodHold hold = hold_of(pod_key);
  const auto placed = placed_.find(pod_key);
  const auto retry = retries_.find(pod_key);
  store::ObjectPtr pod = store_.find(key);
  if (pod != nullptr && hold != PodHold::None &&
      objects::uid_of(*pod) != (placed != placed_.end() ? placed->second.uid : retry->second.uid)) {
    pod = nullptr;  // a namesake: its time comes
  }
  if (pod == nullptr && hold == PodHold::None) {
    retries_.erase(pod_key);
  }
  const auto wish = pod == nullptr ? std::nullopt : std::optional(objects::wish_of(*pod));
  switch (objects::next_act(wish, hold)) {
    case PodAct::Nothing:
    case PodAct::TakeDown:  // remove_stopped() does
      break;
    case PodAct::Place:
      to_place.push_back(objects::decode_pod(*pod));
      break;
    case PodAct::ForgetRetry:
      loop_.cancel(retry->second.timer);
      retries_.erase(retry);
      take_in(key, to_place);
      break;
    case PodAct::GiveUpPlace:
      std::erase_if(waiting_for_dns_, [&](const auto& waiting) { return waiting.first.key == pod_key; });
      placed->second.hold = PodHold::Stopped;
      stopped_.push_back(pod_key);
      break;
    case PodAct::Disconnect:
      disconnect({pod_key});
      break;
    case PodAct::Stop:
      end_life(pod_key, grace_of(*pod));
      break;
    case PodAct::StopAtOnce:
      end_life(pod_key, std::chrono::milliseconds(0));  // nobody waits for its containers
      break;
    case PodAct::RemoveObject:
      store_.remove(key);
      break;
  }
  if (pod != nullptr && life_.contains(pod_key) && objects::field(*pod, "spec.readinessGates") != nullptr) {
    life_.report_again(pod_key);  // a condition of theirs may have been set
  }
}

void Lab::end_life(const model::PodKey& key, std::chrono::milliseconds grace) {
  placed_.at(key).hold = objects::PodHold::Stopping;
  life_.stop(key, grace);  // may end it here and now
}

// Notes the pod's place; nothing when it takes none of its own. Throws Error: NotFound for a node that is not
// there.
std::optional<plan::PodSlot> Lab::make_slot(const model::Pod& pod) {
  Placed placed;
  placed.uid = pod.uid;
  placed.slot = slot_of(cluster_, pod, next_pod_number_++);
  placed.on_host_network = pod.host_network;
  placed.is_dns = objects::is_dns_pod(pod);
  for (const model::Container& container : pod.containers) {
    placed.ports.insert(placed.ports.end(), container.ports.begin(), container.ports.end());
  }
  const plan::PodSlot slot = placed.slot;
  placed_[pod.key] = std::move(placed);
  vantages_.reset();
  return pod.host_network ? std::nullopt : std::optional(slot);
}

// Networks of all of them, and then their containers.
void Lab::place(const std::vector<model::Pod>& pods) {
  const auto begin = clock_.now();
  std::vector<const model::Pod*> all;
  for (const model::Pod& pod : pods) {
    all.push_back(&pod);
  }
  // In a batch one that fails undoes the others: each alone then.
  if (!connect(all) && all.size() > 1) {
    for (const model::Pod* pod : std::exchange(all, {})) {
      if (connect({pod})) {
        all.push_back(pod);
      }
    }
  }
  std::vector<model::PodKey> failed;
  for (const model::Pod* pod : all) {
    if (placed_.contains(pod->key) && !try_start(*pod, fabric_.namespace_fd(namespace_of(*pod)))) {
      failed.push_back(pod->key);
    }
  }
  take_down(failed);
  const auto took = clock_.now() - begin;
  if (took > 2 * kPlacing) {
    place_at_once_ = std::max(place_at_once_ / 2, kPlaceAtOnceLeast);
  } else if (took < kPlacing / 2 && pods.size() >= place_at_once_) {
    place_at_once_ = std::min(place_at_once_ * 2, kPlaceAtOnceMost);
  }
}

// All or none; alone, a pod that fails is tried again later.
bool Lab::connect(const std::vector<const model::Pod*>& pods) {
  std::vector<plan::PodSlot> slots;
  std::string words;
  try {
    for (const model::Pod* pod : pods) {
      if (const auto slot = make_slot(*pod)) {
        slots.push_back(*slot);
      }
    }
    fabric_.apply(plan::plan_pods(cluster_, slots));
    return true;
  } catch (...) {
    words = words_of_current_exception();
  }
  for (const model::Pod* pod : pods) {
    placed_.erase(pod->key);
  }
  vantages_.reset();
  if (pods.size() == 1) {
    objects::tell_failure(store_, key_of(pods.front()->key), "FailedCreatePodSandBox", kKubelet, words);
    try_again_later(pods.front()->key, pods.front()->uid);
  }
  return false;
}

// Of a pod that has its network. If not, the network is to be taken down, and it is tried again later.
bool Lab::try_start(const model::Pod& pod, int netns_fd) {
  const bool is_started = objects::contain(store_, key_of(pod.key), "FailedCreatePodSandBox", kKubelet,
                                           [&] { start_containers(pod, netns_fd); });
  if (!is_started && !life_.contains(pod.key)) {
    try_again_later(pod.key, pod.uid);
    return false;
  }
  retries_.erase(pod.key);
  return true;
}

void Lab::try_again_later(const model::PodKey& key, const std::string& uid) {
  Retry& retry = retries_[key];
  if (retry.uid != uid) {
    loop_.cancel(retry.timer);
    retry = {uid, 0, 0};
  }
  if (retry.timer == 0) {
    retry.timer = loop_.call_after(objects::pause_after(++retry.times), [this, key] {
      retries_.at(key).timer = 0;
      changed_pods_.insert(key_of(key));
      schedule_sync();
    });
  }
}

// Whose network the pod's containers run in.
plan::NamespaceId Lab::namespace_of(const model::Pod& pod) const {
  const Placed& placed = placed_.at(pod.key);
  return placed.on_host_network ? plan::node_id(cluster_.nodes[placed.slot.node].name) : placed.slot.id;
}

void Lab::start_containers(const model::Pod& pod, int netns_fd) {
  if (dns_.holds_others_back() && !dns_.is_mine(pod) && kubelet::runs_programs(pod, cluster_.images)) {
    waiting_for_dns_.emplace_back(pod, netns_fd);
    return;
  }
  const auto index = placed_.at(pod.key).slot.node;
  const model::Node& node = cluster_.nodes[index];
  kubelet::PodPlace place;
  place.node_netns_fd = node_netns_fds_[index];
  place.netns_fd = netns_fd;
  place.hostname = pod.host_network ? node.name : model::hostname_of(pod, cluster_.dns.domain);
  place.host_ips = node.addresses;
  if (dns_.is_mine(pod)) {
    place.binds = dns_.binds_of(pod);
  }
  if (!pod.host_network) {
    service_proxy_.claim_host_ports(pod, placed_.at(pod.key).slot.node);
  }
  if (const store::ObjectPtr object = store_.find(key_of(pod.key))) {
    place.services = service_env_.of(pod.key.ns, wants_service_links(*object));
  }
  life_.start(pod, place);
  Placed& placed = placed_.at(pod.key);
  placed.hold = objects::PodHold::Living;
  placed.resolver = std::make_shared<probing::Resolver>(probing::resolver_of(life_.resolv_conf(pod.key)));
  place_changed(placed);
}

// Programs may look names up as soon as they run.
void Lab::start_waiting_containers() {
  std::vector<model::PodKey> failed;
  for (const auto& [pod, netns_fd] : std::exchange(waiting_for_dns_, {})) {
    if (!try_start(pod, netns_fd)) {
      failed.push_back(pod.key);
    }
  }
  take_down(failed);
}

void Lab::disconnect(const std::vector<model::PodKey>& keys) {
  std::vector<plan::PodSlot> slots;
  for (const model::PodKey& key : keys) {
    const auto placed = placed_.find(key);
    if (placed != placed_.end() && placed->second.is_connected) {
      placed->second.is_connected = false;
      *placed->second.has_gone = true;
      place_changed(placed->second);
      service_proxy_.release_host_ports(key);
      if (!placed->second.on_host_network) {
        slots.push_back(placed->second.slot);
      }
    }
  }
  try {
    fabric_.apply(plan::plan_pod_removal(cluster_, slots));
  } catch (...) {
    // Taking down goes on: the links go with the pods' namespaces.
    spdlog::warn("disconnect pods: {}", words_of_current_exception());
  }
}

// Of pods without a life: their networks go.
void Lab::take_down(const std::vector<model::PodKey>& keys) {
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
    dns_.gone(key);
    placed_.erase(placed);
    changed_pods_.insert(key_of(key));  // its object is to go, or a namesake's turn has come
  }
  fabric_.remove(ids);
}

void Lab::remove_stopped() {
  const std::size_t count = std::min(stopped_.size(), kRemoveAtOnce);
  const auto end = stopped_.begin() + static_cast<std::ptrdiff_t>(count);
  const std::vector<model::PodKey> keys(stopped_.begin(), end);
  stopped_.erase(stopped_.begin(), end);
  take_down(keys);
}

void Lab::write_status(const kubelet::PodReport& report) {
  const store::Key key = key_of(report.key);
  const store::ObjectPtr pod = store_.find(key);
  if (pod == nullptr || objects::text_at(*pod, "metadata.uid") != report.uid) {
    return;
  }
  json updated = *pod;
  updated["status"] = kubelet::pod_status(*pod, report.containers, clock_.wall());
  store_.update(key, std::move(updated));
}

kubelet::PodLifeHooks Lab::life_hooks() {
  kubelet::PodLifeHooks hooks;
  // Neither keeps a pod from its life: a status that users wrote may be one that nothing can be added to.
  hooks.on_change = [this](const kubelet::PodReport& report) {
    objects::contain(store_, key_of(report.key), "FailedStatus", kKubelet, [&] { write_status(report); });
  };
  hooks.on_stopped = [this](const kubelet::PodReport& report) {
    if (const auto placed = placed_.find(report.key); placed != placed_.end()) {
      placed->second.hold = objects::PodHold::Stopped;
      stopped_.push_back(report.key);
    }
    schedule_sync();
  };
  hooks.on_event = [this](const model::PodKey& key, const kubelet::PodEvent& event) {
    objects::contain(store_, key_of(key), "FailedEvent", kKubelet, [&] {
      if (const store::ObjectPtr pod = store_.find(key_of(key))) {
        objects::record(store_, *pod,
                        event.is_warning ? objects::EventType::Warning : objects::EventType::Normal,
                        event.reason, event.message, kKubelet);
      }
    });
  };
  hooks.before_start = [this](const model::Pod& pod, const kubelet::PodPlace& place) {
    if (dns_.is_mine(pod)) {
      dns_.before_start(pod, place.netns_fd);
    }
  };
  hooks.on_notice = [](std::string_view text) { spdlog::info("{}", text); };
  return hooks;
}

}  // namespace labctl::lab
