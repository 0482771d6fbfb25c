#include "labctl/controllers/pods/scheduler.hpp"

#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/controllers/pods/pod_addresses.hpp"
#include "labctl/controllers/scheduling/pod_affinity.hpp"
#include "labctl/controllers/scheduling/topology_spread.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/own_pods.hpp"
#include "labctl/objects/pod_course.hpp"
#include "labctl/store/selectors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::is_active;
using objects::is_dns_pod;
using objects::record;
using objects::set_condition;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

constexpr std::string_view kSchedulerComponent = "default-scheduler";
// The events of pods placed before these would be dropped anyway (kEventsKept).
constexpr std::size_t kEventsAtOnce = objects::kEventsKept / 2;

const std::string kNoFreePorts = "node(s) didn't have free ports for the requested pod ports";
const std::string kTooManyPods = "Too many pods";

// Of kube-scheduler's default plugins.
constexpr std::int64_t kTaintWeight = 3;
constexpr std::int64_t kNodeAffinityWeight = 2;
constexpr std::int64_t kPodAffinityWeight = 2;
constexpr std::int64_t kSpreadWeight = 2;
constexpr std::int64_t kScoreMax = 100;

enum class Better { More, Less };

// Adds to each total its share of the largest value, 0 to kScoreMax, times `weight` (DefaultNormalizeScore).
void add_share(std::vector<std::int64_t>& totals, const std::vector<std::int64_t>& values,
               std::int64_t weight, Better better) {
  const std::int64_t most = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  for (std::size_t i = 0; most > 0 && i < values.size(); ++i) {
    const std::int64_t share = values[i] * kScoreMax / most;
    totals[i] += weight * (better == Better::More ? share : kScoreMax - share);
  }
}

}  // namespace

// What a pod asks of a node, read from its JSON once.
struct Scheduler::Wants {
  Wants(const json& pod, PlacedPods& placed, const Topology& topology)
      : affinity(node_affinity_of(pod)),
        only_nodes(affinity.names()),
        tolerations(tolerations_of(pod)),
        ports(host_ports(pod)),
        requests(requests_of(pod)),
        is_dns(is_dns_pod(pod)),
        spread(placed, topology, pod, affinity, tolerations),
        beside(placed, topology, pod) {}

  NodeAffinity affinity;
  std::optional<std::set<std::string>> only_nodes;
  std::vector<Toleration> tolerations;
  std::vector<HostPort> ports;
  Amounts requests;
  bool is_dns;
  SpreadCheck spread;
  PodAffinityCheck beside;
};

void WaitingPods::add(const Key& key, bool is_for_pods) {
  pods.insert(key);
  if (is_for_pods) {
    for_pods.insert(key);
  } else {
    for_pods.erase(key);
  }
}

void WaitingPods::remove(const Key& key) {
  pods.erase(key);
  for_pods.erase(key);
}

// Read once for all pods of a pass: what a node has left is counted on here, while the store is
// written pod by pod.
Scheduler::Scheduler(Work& work) : work_(work) {
  for (const model::Node& node : work.cluster.nodes) {
    const ObjectPtr object = work.store.find({"nodes", "", node.name});
    if (object == nullptr) {
      continue;
    }
    seats_.push_back({topology_.nodes().size(), objects::is_true_at(*object, "spec.unschedulable"),
                      allocatable_of(*object), pod_capacity(node), work.pods.living_on(node.name)});
    topology_.add({node.name, store::labels_of(*object), effective_taints_of(*object)});
  }
  for (const ObjectPtr& pod : work.store.list("pods", objects::kDnsNamespace)) {
    if (Seat* seat = seat_named(text_at(*pod, "spec.nodeName")); seat != nullptr && is_dns_pod(*pod)) {
      seat->dns_pods += is_active(*pod) ? 1 : 0;
    }
  }
}

// DNS servers are counted apart: two of them on one node would go with it together, and they should not push
// ordinary pods aside, since a lab without DNS has its pods placed likewise.
bool Scheduler::is_emptier(const Seat& a, const Seat& b, bool is_dns) {
  return is_dns && a.dns_pods != b.dns_pods ? a.dns_pods < b.dns_pods
                                            : a.pods - a.dns_pods < b.pods - b.dns_pods;
}

Scheduler::Seat* Scheduler::seat_named(const std::string& name) {
  const auto found = std::find_if(seats_.begin(), seats_.end(),
                                  [&](const Seat& seat) { return node_of(seat).name == name; });
  return found == seats_.end() ? nullptr : &*found;
}

bool Scheduler::refuse(json& pod, const std::string& reason, const std::string& message) const {
  pod["status"].emplace("phase", "Pending");
  set_condition(pod["status"], "PodScheduled", "False", work_.now, reason, message);
  return false;
}

std::vector<std::string> Scheduler::shortages_on(const Seat& seat, const Wants& wants) const {
  std::vector<std::string> found =
      wants.requests.empty()
          ? std::vector<std::string>()
          : shortages(wants.requests, seat.allocatable, work_.pods.placed().requested_on(node_of(seat).name));
  if (seat.pods >= seat.capacity) {
    found.insert(found.begin(), kTooManyPods);
  }
  return found;
}

std::optional<Rejection> Scheduler::rejection_on(const Seat& seat, const json& pod,
                                                 const Wants& wants) const {
  const std::string& name = node_of(seat).name;
  if (!is_failed_without_room(pod)) {
    return std::nullopt;
  }
  if (seat.pods >= seat.capacity) {
    return out_of_pods(seat.pods, seat.capacity);
  }
  if (auto rejection = out_of(wants.requests, seat.allocatable, work_.pods.placed().requested_on(name))) {
    return rejection;
  }
  return work_.pods.are_free_on(name, wants.ports) ? std::nullopt : std::optional(without_free_ports());
}

// As a pod that a user binds himself: neither selector nor taints are asked, only what cannot be had.
Scheduler::Seat* Scheduler::named_seat(json& pod, const std::string& name, const Wants& wants) {
  Seat* seat = seat_named(name);
  if (seat == nullptr) {
    refuse(pod, "Unschedulable", "node \"" + name + "\" not found");
  } else if (rejection_ = rejection_on(*seat, pod, wants); rejection_) {
    reject(pod, *rejection_);
    seat = nullptr;
  } else if (const auto shortages = shortages_on(*seat, wants); !shortages.empty()) {
    refuse(pod, "Unschedulable", "node \"" + name + "\": " + shortages.front());
    seat = nullptr;
  } else if (!work_.pods.are_free_on(name, wants.ports)) {
    refuse(pod, "Unschedulable", "node \"" + name + "\": " + kNoFreePorts);
    seat = nullptr;
  }
  return seat;
}

// In the order of kube-scheduler's filters, of which the first that refuses speaks.
NodeRefusal Scheduler::refusal_of(const Seat& seat, const Wants& wants) const {
  const NodeFacts& node = node_of(seat);
  if (wants.only_nodes && !wants.only_nodes->contains(node.name)) {
    return {{"node(s) didn't satisfy plugin(s) [NodeAffinity]"}};
  }
  if (seat.is_unschedulable &&
      !is_tolerated({kUnschedulableTaint, "", std::string(kNoSchedule)}, wants.tolerations)) {
    return {{"node(s) were unschedulable"}};
  }
  if (const model::Taint* taint = untolerated(node.taints, wants.tolerations, {kNoSchedule, kNoExecute})) {
    return {{"node(s) had untolerated taint {" + taint->key + ": " + taint->value + "}"}};
  }
  if (!wants.affinity.fits(node.name, node.labels)) {
    return {{"node(s) didn't match Pod's node affinity/selector"}};
  }
  if (!work_.pods.are_free_on(node.name, wants.ports)) {
    return {{kNoFreePorts}, false};
  }
  if (std::vector<std::string> shortages = shortages_on(seat, wants); !shortages.empty()) {
    return {std::move(shortages), false};
  }
  if (NodeRefusal refusal = wants.spread.refusal_of(node); !refusal.reasons.empty()) {
    return refusal;
  }
  return wants.beside.refusal_of(node);
}

// What pods say of each other: from the least to the most that a node has.
void Scheduler::add_pod_scores(std::vector<std::int64_t>& totals, const std::vector<Seat*>& feasible,
                               const Wants& wants) const {
  std::vector<const NodeFacts*> nodes;
  for (const Seat* seat : feasible) {
    nodes.push_back(&node_of(*seat));
  }
  if (wants.spread.has_preferences()) {
    const std::vector<std::int64_t> scores = wants.spread.scores(nodes);
    for (std::size_t i = 0; i < totals.size(); ++i) {
      totals[i] += kSpreadWeight * scores[i];
    }
  }
  if (wants.beside.has_preferences()) {
    std::vector<std::int64_t> scores;
    for (const NodeFacts* node : nodes) {
      scores.push_back(wants.beside.score(*node));
    }
    const auto [least, most] = std::minmax_element(scores.begin(), scores.end());
    for (std::size_t i = 0; *most > *least && i < totals.size(); ++i) {
      totals[i] += kPodAffinityWeight * (kScoreMax * (scores[i] - *least) / (*most - *least));
    }
  }
}

// Scores are weighed as kube-scheduler's, but what it does for even use of nodes is the order by pods here.
Scheduler::Seat* Scheduler::best_of(const std::vector<Seat*>& feasible, const Wants& wants) {
  std::vector<std::int64_t> taints(feasible.size()), labels(feasible.size());
  for (std::size_t i = 0; i < feasible.size(); ++i) {
    const NodeFacts& node = node_of(*feasible[i]);
    taints[i] = count_avoided(node.taints, wants.tolerations);
    labels[i] = wants.affinity.score(node.name, node.labels);
  }
  std::vector<std::int64_t> totals(feasible.size());
  add_share(totals, taints, kTaintWeight, Better::Less);
  add_share(totals, labels, kNodeAffinityWeight, Better::More);
  add_pod_scores(totals, feasible, wants);
  std::size_t best = 0;
  for (std::size_t i = 1; i < feasible.size(); ++i) {
    const bool is_better = totals[i] != totals[best]
                               ? totals[i] > totals[best]
                               : is_emptier(*feasible[i], *feasible[best], wants.is_dns);
    best = is_better ? i : best;
  }
  return feasible[best];
}

bool Scheduler::place(json& pod) {
  waits_for_pods_ = false;
  rejection_.reset();
  if (const json* gates = field(pod, "spec.schedulingGates"); gates != nullptr && !gates->empty()) {
    return refuse(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
  }
  const Wants wants(pod, work_.pods.placed(), topology_);
  Seat* seat = nullptr;
  if (const std::string named = text_at(pod, "spec.nodeName"); !named.empty()) {
    seat = named_seat(pod, named, wants);
    if (seat == nullptr) {
      return false;
    }
  } else {
    std::vector<Seat*> feasible;
    Diagnosis diagnosis(seats_.size());
    for (Seat& candidate : seats_) {
      if (const NodeRefusal refusal = refusal_of(candidate, wants); !refusal.reasons.empty()) {
        diagnosis.add(refusal);
      } else {
        feasible.push_back(&candidate);
      }
    }
    if (feasible.empty()) {
      waits_for_pods_ = diagnosis.has(kAffinityNotMatched) || diagnosis.has(kSpreadNotMatched);
      return refuse(pod, "Unschedulable",
                    diagnosis.message(text_at(pod, "spec.preemptionPolicy") != "Never"));
    }
    seat = best_of(feasible, wants);
  }
  ++seat->pods;
  seat->dns_pods += wants.is_dns ? 1 : 0;
  pod["spec"]["nodeName"] = node_of(*seat).name;
  set_condition(pod["status"], "PodScheduled", "True", work_.now);
  return true;
}

namespace {

void place_pod(Work& work, Scheduler& scheduler, AddressPass& addresses, const Key& key, WaitingPods& waiting,
               bool tells) {
  const ObjectPtr before = work.store.find(key);
  if (before == nullptr || !is_active(*before) || objects::lives_on_node(*before)) {
    waiting.remove(key);
    return;
  }
  json pod = *before;
  // Place and address or neither: a pod on a node without an address would hold a seat that nobody can use.
  bool is_placed = scheduler.place(pod);
  if (is_placed && !addresses.give(pod)) {
    is_placed = false;
    pod["spec"] = before->at("spec");
  }
  const ObjectPtr after = work.store.update(key, std::move(pod));
  if (is_placed) {
    waiting.remove(key);
    if (tells) {
      record(work.store, *after, objects::EventType::Normal, "Scheduled",
             "Successfully assigned " + key.ns + "/" + key.name + " to " + text_at(*after, "spec.nodeName"),
             kSchedulerComponent);
    }
  } else if (const auto& rejection = scheduler.rejection()) {
    waiting.remove(key);
    record(work.store, *after, objects::EventType::Warning, rejection->reason, rejection->message, "kubelet");
  } else {
    waiting.add(key, scheduler.waits_for_pods());
    // Said once for each new reason, not at each look.
    if (after != before) {
      record(work.store, *after, objects::EventType::Warning, "FailedScheduling",
             text_at(*objects::condition(*after, "PodScheduled"), "message"), kSchedulerComponent);
    }
  }
}

}  // namespace

std::size_t place_pods(Work& work, const std::vector<Key>& pods, WaitingPods& waiting) {
  if (pods.empty()) {
    return 0;
  }
  Scheduler scheduler(work);
  AddressPass addresses(work);
  std::size_t looked_at = 0;
  for (; looked_at < pods.size() && !work.is_enough(looked_at); ++looked_at) {
    const Key& key = pods[looked_at];
    // The last ones, as the first would be pushed out by them.
    const bool tells = pods.size() - looked_at <= kEventsAtOnce;
    if (!objects::contain(work.store, key, "FailedScheduling", kSchedulerComponent,
                          [&] { place_pod(work, scheduler, addresses, key, waiting, tells); })) {
      waiting.add(key, false);
    }
  }
  addresses.commit();
  return looked_at;
}

}  // namespace labctl::controllers
