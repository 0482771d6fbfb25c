#include "labctl/controllers/pods/scheduler.hpp"

#include "labctl/controllers/pods/node_readiness.hpp"
#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/controllers/pods/pod_addresses.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/own_pods.hpp"
#include "labctl/objects/pod_course.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

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

// A nodeSelector: every label, with exactly that value.
bool fits(const json* selector, const json* labels) {
  if (selector == nullptr || !selector->is_object() || selector->empty()) {
    return true;
  }
  for (const auto& [key, value] : selector->items()) {
    const auto found = labels == nullptr ? json::const_iterator() : labels->find(key);
    if (labels == nullptr || found == labels->end() || *found != value) {
      return false;
    }
  }
  return true;
}

// The pod stands a node that is not Ready, as those of node agents do (core/v1 Toleration).
bool tolerates_not_ready(const json& pod) {
  const json& tolerations = objects::list_at(pod, "spec.tolerations");
  return std::any_of(tolerations.begin(), tolerations.end(), [](const json& toleration) {
    const std::string& key = text_at(toleration, "key");
    const std::string& effect = text_at(toleration, "effect");
    return (key.empty() ? text_at(toleration, "operator") == "Exists"
                        : key == "node.kubernetes.io/not-ready") &&
           (effect.empty() || effect == "NoSchedule");
  });
}

// "0/3 nodes are available: 1 Too many pods, 2 node(s) didn't match Pod's node affinity/selector."
std::string nobody_fits(std::size_t nodes, const std::map<std::string, int>& reasons) {
  std::string message = "0/" + std::to_string(nodes) + " nodes are available";
  const char* separator = ": ";
  for (const auto& [reason, count] : reasons) {
    message += separator + std::to_string(count) + " " + reason;
    separator = ", ";
  }
  return message + ".";
}

}  // namespace

std::vector<std::string> nodes_fitting(const Work& work, const json& pod) {
  const std::string& named = text_at(pod, "spec.nodeName");
  const json* selector = field(pod, "spec.nodeSelector");
  std::vector<std::string> names;
  for (const model::Node& node : work.cluster.nodes) {
    const ObjectPtr object = work.store.find({"nodes", "", node.name});
    if (object != nullptr && (named.empty() || named == node.name) &&
        fits(selector, field(*object, "metadata.labels"))) {
      names.push_back(node.name);
    }
  }
  return names;
}

// Read once for all pods of a pass: what a node has left is counted on here, while the store is
// written pod by pod.
Scheduler::Scheduler(Work& work) : work_(work) {
  for (const model::Node& node : work.cluster.nodes) {
    const ObjectPtr object = work.store.find({"nodes", "", node.name});
    if (object == nullptr) {
      continue;
    }
    seats_.push_back({node.name, field(*object, "metadata.labels"),
                      !objects::is_true_at(*object, "spec.unschedulable"), is_node_ready(*object),
                      pod_capacity(node), work.pods.living_on(node.name)});
    objects_.push_back(object);
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
  const auto found =
      std::find_if(seats_.begin(), seats_.end(), [&](const Seat& seat) { return seat.name == name; });
  return found == seats_.end() ? nullptr : &*found;
}

bool Scheduler::refuse(json& pod, const std::string& reason, const std::string& message) const {
  pod["status"].emplace("phase", "Pending");
  set_condition(pod["status"], "PodScheduled", "False", work_.now, reason, message);
  return false;
}

bool Scheduler::place(json& pod) {
  if (const json* gates = field(pod, "spec.schedulingGates"); gates != nullptr && !gates->empty()) {
    return refuse(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
  }
  Seat* best = nullptr;
  const std::string& named = text_at(pod, "spec.nodeName");
  const json* selector = field(pod, "spec.nodeSelector");
  const std::vector<HostPort> ports = host_ports(pod);
  const bool may_be_unready = tolerates_not_ready(pod);
  const bool is_dns = is_dns_pod(pod);
  std::map<std::string, int> reasons;
  // As a pod that a user binds himself: neither selector nor readiness of the node is asked, only
  // what cannot be had.
  if (!named.empty()) {
    best = seat_named(named);
    if (best == nullptr) {
      return refuse(pod, "Unschedulable", "node \"" + named + "\" not found");
    }
    if (best->pods >= best->capacity) {
      return refuse(pod, "Unschedulable", "node \"" + named + "\": Too many pods");
    }
    if (!work_.pods.are_free_on(named, ports)) {
      return refuse(pod, "Unschedulable", "node \"" + named + "\": " + kNoFreePorts);
    }
  } else {
    for (Seat& seat : seats_) {
      if (!seat.is_schedulable) {
        ++reasons["node(s) were unschedulable"];
      } else if (!seat.is_ready && !may_be_unready) {
        ++reasons["node(s) had untolerated taint {node.kubernetes.io/not-ready: }"];
      } else if (!fits(selector, seat.labels)) {
        ++reasons["node(s) didn't match Pod's node affinity/selector"];
      } else if (!work_.pods.are_free_on(seat.name, ports)) {
        ++reasons[kNoFreePorts];
      } else if (seat.pods >= seat.capacity) {
        ++reasons["Too many pods"];
      } else if (best == nullptr || is_emptier(seat, *best, is_dns)) {
        best = &seat;
      }
    }
  }
  if (best == nullptr) {
    return refuse(pod, "Unschedulable", nobody_fits(seats_.size(), reasons));
  }
  ++best->pods;
  best->dns_pods += is_dns ? 1 : 0;
  pod["spec"]["nodeName"] = best->name;
  set_condition(pod["status"], "PodScheduled", "True", work_.now);
  return true;
}

namespace {

void place_pod(Work& work, Scheduler& scheduler, AddressPass& addresses, const Key& key,
               std::set<Key>& waiting, bool tells) {
  const ObjectPtr before = work.store.find(key);
  if (before == nullptr || !is_active(*before) || objects::lives_on_node(*before)) {
    waiting.erase(key);
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
    waiting.erase(key);
    if (tells) {
      record(work.store, *after, objects::EventType::Normal, "Scheduled",
             "Successfully assigned " + key.ns + "/" + key.name + " to " + text_at(*after, "spec.nodeName"),
             kSchedulerComponent);
    }
  } else {
    waiting.insert(key);
    // Said once for each new reason, not at each look.
    if (after != before) {
      record(work.store, *after, objects::EventType::Warning, "FailedScheduling",
             text_at(*objects::condition(*after, "PodScheduled"), "message"), kSchedulerComponent);
    }
  }
}

}  // namespace

std::size_t place_pods(Work& work, const std::vector<Key>& pods, std::set<Key>& waiting) {
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
      waiting.insert(key);
    }
  }
  addresses.commit();
  return looked_at;
}

}  // namespace labctl::controllers
