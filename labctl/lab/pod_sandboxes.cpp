#include "labctl/lab/pod_sandboxes.hpp"

#include "labctl/kubelet/image_map.hpp"
#include "labctl/lab/boot_objects.hpp"
#include "labctl/lab/made_namespaces.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/decode_pod.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/current_exception.hpp"
#include "topology/base/scope_exit.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <nlohmann/json.hpp>
#include <unordered_map>

namespace labctl::lab {
namespace {

using nlohmann::json;
// Pods placed at once in a running lab: as many as take about this long.
constexpr std::chrono::milliseconds kPlacing{25};
constexpr std::size_t kPlaceAtOnceLeast = 16;
constexpr std::size_t kPlaceAtOnceMost = 256;
// Ends of pods carried out at once: their links go in one batch.
constexpr std::size_t kRemoveAtOnce = 64;

constexpr std::string_view kKubelet = "kubelet";

model::PodKey key_of(const store::Key& key) { return {key.ns, key.name}; }
store::Key key_of(const model::PodKey& key) { return {"pods", key.ns, key.name}; }

// spec.enableServiceLinks; true if unset.
bool wants_service_links(const json& pod) {
  return pod.value(json::json_pointer("/spec/enableServiceLinks"), json()) != json(false);
}

std::chrono::milliseconds grace_of(const json& pod) {
  return std::chrono::seconds(objects::number_at(pod, "metadata.deletionGracePeriodSeconds", 30));
}

}  // namespace

PodSandboxes::PodSandboxes(Surroundings surroundings, kubelet::PodLifeOptions options, Hooks hooks)
    : clock_(surroundings.clock),
      store_(surroundings.store),
      cluster_(surroundings.cluster),
      fabric_(surroundings.fabric),
      service_proxy_(surroundings.service_proxy),
      hooks_(std::move(hooks)),
      service_env_(store_),
      retries_(surroundings.loop,
               [this](const model::PodKey& pod) {
                 changed_.insert(key_of(pod));
                 hooks_.has_work();
               }),
      storage_(surroundings.loop, store_,
               kubelet::PodStorage::options_of_lab(cluster_.writable_host, options.maps_ids)),
      life_(surroundings.loop, clock_, surroundings.runtime,
            (options.storage = &storage_, options.store = &store_, std::move(options)), life_hooks()) {}

void PodSandboxes::open() {
  for (const model::Node& node : cluster_.nodes) {
    node_netns_fds_.push_back(fabric_.namespace_fd(plan::node_id(node.name)));
  }
}

kubelet::PodCompanion* PodSandboxes::companion_of(const model::Pod& pod) const {
  const auto found = std::find_if(companions_.begin(), companions_.end(),
                                  [&](const kubelet::PodCompanion* one) { return one->is_mine(pod); });
  return found == companions_.end() ? nullptr : *found;
}

// ---- The course of a pod -----------------------------------------------------------------------------

std::vector<model::Pod> PodSandboxes::take_in(const controllers::Turn& turn) {
  remove_stopped();
  std::vector<model::Pod> to_place;
  std::size_t looked_at = 0;
  while (!changed_.empty() && !(looked_at >= kRemoveAtOnce && turn.is_over()) &&
         (turn.is_endless() || to_place.size() < place_at_once_)) {
    const store::Key key = std::move(changed_.extract(changed_.begin()).value());
    ++looked_at;
    if (!objects::contain(store_, key, "FailedSync", kKubelet, [&] { take_in(key, to_place); })) {
      const store::ObjectPtr pod = store_.find(key);
      retries_.later(key_of(key), pod == nullptr ? std::string() : objects::uid_of(*pod));
    }
  }
  return to_place;
}

std::map<store::Key, controllers::HeldPod> PodSandboxes::held() const {
  std::map<store::Key, controllers::HeldPod> held;
  for (const auto& [key, placed] : placed_) {
    held[key_of(key)] = {placed.uid, placed.hold};
  }
  for (const model::PodKey& key : retries_.waiting()) {
    if (!placed_.contains(key)) {
      held[key_of(key)] = {retries_.uid_of(key), objects::PodHold::Retrying};
    }
  }
  return held;
}

objects::PodHold PodSandboxes::hold_of(const model::PodKey& key) const {
  if (const auto placed = placed_.find(key); placed != placed_.end()) {
    return placed->second.hold;
  }
  return retries_.is_waiting(key) ? objects::PodHold::Retrying : objects::PodHold::None;
}

// Does what the pod's course (objects/pod_course.hpp) says is next.
void PodSandboxes::take_in(const store::Key& key, std::vector<model::Pod>& to_place) {
  using objects::PodAct;
  using objects::PodHold;
  const model::PodKey pod_key = key_of(key);
  const PodHold hold = hold_of(pod_key);
  const auto placed = placed_.find(pod_key);
  store::ObjectPtr pod = store_.find(key);
  if (pod != nullptr && hold != PodHold::None &&
      objects::uid_of(*pod) != (placed != placed_.end() ? placed->second.uid : retries_.uid_of(pod_key))) {
    pod = nullptr;  // a namesake: its time comes
  }
  if (pod == nullptr && hold == PodHold::None) {
    retries_.forget(pod_key);
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
      retries_.forget(pod_key);
      take_in(key, to_place);
      break;
    case PodAct::GiveUpPlace:
      std::erase_if(waiting_, [&](const auto& waiting) { return waiting.first.key == pod_key; });
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
  if (pod != nullptr) {
    life_.follow(pod_key, *pod);
  }
}

void PodSandboxes::end_life(const model::PodKey& key, std::chrono::milliseconds grace) {
  placed_.at(key).hold = objects::PodHold::Stopping;
  life_.stop(key, grace);  // may end it here and now
}

void PodSandboxes::remove_stopped() {
  const std::size_t count = std::min(stopped_.size(), kRemoveAtOnce);
  const auto end = stopped_.begin() + static_cast<std::ptrdiff_t>(count);
  const std::vector<model::PodKey> keys(stopped_.begin(), end);
  stopped_.erase(stopped_.begin(), end);
  take_down(keys);
}

// ---- Placing -----------------------------------------------------------------------------------------

// Notes the pod's place; nothing when it takes none of its own. Throws Error: NotFound for a node that is not
// there.
std::optional<plan::PodSlot> PodSandboxes::make_slot(const model::Pod& pod) {
  Placed placed;
  placed.uid = pod.uid;
  placed.slot = slot_of(cluster_, pod, next_number_++);
  placed.on_host_network = pod.host_network;
  placed.companion = companion_of(pod);
  for (const model::Container& container : pod.containers) {
    placed.ports.insert(placed.ports.end(), container.ports.begin(), container.ports.end());
  }
  const plan::PodSlot slot = placed.slot;
  placed_[pod.key] = std::move(placed);
  hooks_.places_changed();
  return pod.host_network ? std::nullopt : std::optional(slot);
}

// Networks of all of them, and then their containers.
void PodSandboxes::place(const std::vector<model::Pod>& pods) {
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
    if (placed_.contains(pod->key) &&
        !try_start(*pod, fabric_.namespace_fd(namespace_of(placed_.at(pod->key))))) {
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
bool PodSandboxes::connect(const std::vector<const model::Pod*>& pods) {
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
  hooks_.places_changed();
  if (pods.size() == 1) {
    objects::tell_failure(store_, key_of(pods.front()->key), "FailedCreatePodSandBox", kKubelet, words);
    retries_.later(pods.front()->key, pods.front()->uid);
  }
  return false;
}

void PodSandboxes::place_at_boot(const std::vector<model::Pod>& pods) {
  const auto begin = clock_.now();
  std::vector<plan::PodSlot> slots;
  std::vector<const model::Pod*> with_place;
  for (const model::Pod& pod : pods) {
    const bool has_place = objects::contain(store_, key_of(pod.key), "FailedCreatePodSandBox", kKubelet, [&] {
      if (const auto slot = make_slot(pod)) {
        slots.push_back(*slot);
      }
    });
    if (has_place) {
      with_place.push_back(&pod);
    } else {
      retries_.later(pod.key, pod.uid);
    }
  }
  const std::vector<plan::Step> steps = plan::plan_pods(cluster_, slots);
  std::unordered_map<plan::NamespaceId, const model::Pod*> waiting;
  MadeNamespaces made;
  std::future<void> connected = std::async(std::launch::async, [&] {
    const ScopeExit end([&] { made.end(); });
    fabric_.apply(steps, [&](const plan::NamespaceId& id, int fd) { made.add(id, fd); });
  });
  for (const model::Pod* pod : with_place) {
    if (!pod->host_network) {
      waiting.emplace(placed_.at(pod->key).slot.id, pod);
    }
  }
  std::vector<model::PodKey> failed;
  const auto start = [&](const model::Pod& pod, int netns_fd) {
    if (!try_start(pod, netns_fd)) {
      failed.push_back(pod.key);
    }
  };
  for (auto some = made.take(); !some.empty(); some = made.take()) {
    for (const auto& [id, fd] : some) {
      start(*waiting.at(id), fd);
    }
  }
  connected.get();
  for (const model::Pod* pod : with_place) {
    if (pod->host_network) {
      start(*pod, fabric_.namespace_fd(namespace_of(placed_.at(pod->key))));
    }
  }
  take_down(failed);
  const std::chrono::duration<double, std::milli> took = clock_.now() - begin;
  spdlog::info("{} pods: {:.1f} ms", pods.size(), took.count());
}

// Whose network the pod's containers run in.
plan::NamespaceId PodSandboxes::namespace_of(const Placed& placed) const {
  return placed.on_host_network ? plan::node_id(cluster_.nodes[placed.slot.node].name) : placed.slot.id;
}

// ---- Starting ----------------------------------------------------------------------------------------

// Of a pod that has its network. If not, the network is to be taken down, and it is tried again later.
bool PodSandboxes::try_start(const model::Pod& pod, int netns_fd) {
  const bool is_started = objects::contain(store_, key_of(pod.key), "FailedCreatePodSandBox", kKubelet,
                                           [&] { start_containers(pod, netns_fd); });
  if (!is_started && !life_.contains(pod.key)) {
    retries_.later(pod.key, pod.uid);
    return false;
  }
  retries_.forget(pod.key);
  return true;
}

bool PodSandboxes::has_to_wait(const model::Pod& pod) const {
  return companion_of(pod) == nullptr && kubelet::runs_programs(pod, cluster_.images) &&
         std::any_of(companions_.begin(), companions_.end(),
                     [](const kubelet::PodCompanion* one) { return one->holds_others_back(); });
}

void PodSandboxes::start_containers(const model::Pod& pod, int netns_fd) {
  if (has_to_wait(pod)) {
    waiting_.emplace_back(pod, netns_fd);
    return;
  }
  const auto index = placed_.at(pod.key).slot.node;
  const model::Node& node = cluster_.nodes[index];
  kubelet::PodPlace place;
  place.node_netns_fd = node_netns_fds_[index];
  place.netns_fd = netns_fd;
  place.hostname = pod.host_network ? node.name : model::hostname_of(pod, cluster_.dns.domain);
  place.host_ips = node.addresses;
  if (const kubelet::PodCompanion* companion = placed_.at(pod.key).companion) {
    place.binds = companion->binds_of(pod);
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
  placed.place.reset();
  hooks_.places_changed();
}

void PodSandboxes::start_waiting() {
  std::vector<model::PodKey> failed;
  for (const auto& [pod, netns_fd] : std::exchange(waiting_, {})) {
    if (!try_start(pod, netns_fd)) {
      failed.push_back(pod.key);
    }
  }
  take_down(failed);
}

// ---- Taking down -------------------------------------------------------------------------------------

void PodSandboxes::disconnect(const std::vector<model::PodKey>& keys) {
  std::vector<plan::PodSlot> slots;
  for (const model::PodKey& key : keys) {
    const auto placed = placed_.find(key);
    if (placed != placed_.end() && placed->second.is_connected) {
      placed->second.is_connected = false;
      *placed->second.has_gone = true;
      hooks_.places_changed();
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
void PodSandboxes::take_down(const std::vector<model::PodKey>& keys) {
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
    if (placed->second.companion != nullptr) {
      placed->second.companion->gone(key);
    }
    placed_.erase(placed);
    changed_.insert(key_of(key));  // its object is to go, or a namesake's turn has come
  }
  fabric_.remove(ids);
}

// ---- Places ------------------------------------------------------------------------------------------

void PodSandboxes::each_slot(const OnSlot& on_slot) const {
  for (const auto& [key, placed] : placed_) {
    on_slot(key, placed.slot, placed.on_host_network);
  }
}

std::vector<probing::VantageTable::PlacePtr> PodSandboxes::places() {
  std::vector<probing::VantageTable::PlacePtr> places;
  for (auto& [key, placed] : placed_) {
    if (placed.is_connected && placed.place == nullptr) {
      placed.place = place_of(placed);
    }
    if (placed.is_connected && placed.place != nullptr) {
      places.push_back(placed.place);
    }
  }
  return places;
}

// Null while it has no network.
probing::VantageTable::PlacePtr PodSandboxes::place_of(const Placed& placed) const {
  const plan::NamespaceId ns = namespace_of(placed);
  if (!fabric_.has(ns)) {
    return nullptr;  // not made yet: its containers' start will say so
  }
  probing::Place place;
  place.id = placed.slot.id;
  place.addresses = placed.slot.addresses;
  place.ports = placed.ports;
  place.on_host_network = placed.on_host_network;
  place.is_labs_own = placed.companion != nullptr;
  place.netns = fabric_.share_namespace(ns);
  place.resolver = placed.resolver;
  place.has_gone = placed.has_gone;
  return std::make_shared<const probing::Place>(std::move(place));
}

// What its containers say, in its object.
void PodSandboxes::write_status(const kubelet::PodReport& report) {
  const store::Key key = key_of(report.key);
  const store::ObjectPtr pod = store_.find(key);
  if (pod == nullptr || objects::uid_of(*pod) != report.uid ||
      (report.containers.is_over && objects::is_being_deleted(*pod) && !objects::has_finalizers(*pod))) {
    return;  // nobody is left to read it
  }
  json status = kubelet::pod_status(*pod, report.containers, clock_.wall());
  store_.modify(key, [&](json& object) { object["status"] = std::move(status); });
}

kubelet::PodLifeHooks PodSandboxes::life_hooks() {
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
    hooks_.has_work();
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
    if (kubelet::PodCompanion* companion = companion_of(pod)) {
      companion->before_start(pod, place.netns_fd);
    }
  };
  hooks.on_notice = [](std::string_view text) { spdlog::info("{}", text); };
  return hooks;
}

}  // namespace labctl::lab
