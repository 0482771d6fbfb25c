#pragma once

// Where pods go: spec.nodeName if given, else a node that takes the pod (`scheduling` says why one does not),
// the one that preferences speak for most, with the fewest pods, the first of the Cluster among equals. Same
// files, same places.

#include "labctl/controllers/pods/pod_index.hpp"
#include "labctl/controllers/scheduling/admission.hpp"
#include "labctl/controllers/scheduling/diagnosis.hpp"
#include "labctl/controllers/scheduling/node_affinity.hpp"
#include "labctl/controllers/scheduling/node_resources.hpp"
#include "labctl/controllers/scheduling/taints.hpp"
#include "labctl/controllers/scheduling/topology.hpp"
#include "labctl/controllers/work.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace labctl::controllers {

// Pods that found no place.
struct WaitingPods {
  std::set<store::Key> pods;
  std::set<store::Key> for_pods;  // of these: a pod that finds its place, or other labels, may help them

  void add(const store::Key& key, bool is_for_pods);
  void remove(const store::Key& key);
};

// Places the pods of one run. Counts the pods of every node when made, then keeps count.
class Scheduler {
 public:
  explicit Scheduler(Work& work);

  // Sets spec.nodeName and the condition PodScheduled in `pod`, which has no place yet, and takes the place.
  // Where there is none: false, and the condition says why, in kube-scheduler's words; or the pod has failed, since
  // the kubelet of its spec.nodeName would not take it.
  bool place(nlohmann::json& pod);
  // The pod that was refused last may have a place when another has.
  bool waits_for_pods() const { return waits_for_pods_; }
  // Why the pod that was refused last has failed; nothing: it waits.
  const std::optional<Rejection>& rejection() const { return rejection_; }

 private:
  struct Seat {
    std::size_t node = 0;  // its index in the topology
    bool is_unschedulable = false;
    Amounts allocatable;
    std::size_t capacity = 0;
    std::size_t pods = 0;
    std::size_t dns_pods = 0;  // of these: the lab's own, which no file brought and so moves no other pod
  };
  struct Wants;
  bool refuse(nlohmann::json& pod, const std::string& reason, const std::string& message) const;
  // What is missing on the node that a user has named; nothing, also for pods that wait for it.
  std::optional<Rejection> rejection_on(const Seat& seat, const nlohmann::json& pod,
                                        const Wants& wants) const;
  // The seat of spec.nodeName; null and refused when it cannot be had.
  Seat* named_seat(nlohmann::json& pod, const std::string& name, const Wants& wants);
  // Of pods, then of resources: "Too many pods", "Insufficient cpu".
  std::vector<std::string> shortages_on(const Seat& seat, const Wants& wants) const;
  const NodeFacts& node_of(const Seat& seat) const { return topology_.nodes()[seat.node]; }
  // What keeps the pod away from `seat`; no reasons: nothing.
  NodeRefusal refusal_of(const Seat& seat, const Wants& wants) const;
  Seat* best_of(const std::vector<Seat*>& feasible, const Wants& wants);
  void add_pod_scores(std::vector<std::int64_t>& totals, const std::vector<Seat*>& feasible,
                      const Wants& wants) const;
  // Whether `pod` rather goes to `a` than to `b`.
  static bool is_emptier(const Seat& a, const Seat& b, bool is_dns);
  Seat* seat_named(const std::string& name);

  Work& work_;
  Topology topology_;
  std::vector<Seat> seats_;  // in the Cluster's order
  bool waits_for_pods_ = false;
  std::optional<Rejection> rejection_;
};

// Places what has no place, and gives it addresses: one write a pod. What has not found one is added to
// `waiting`, what has is taken out. How many were looked at before the turn was over. A pod over which
// something is thrown waits, and has an event.
std::size_t place_pods(Work& work, const std::vector<store::Key>& pods, WaitingPods& waiting);

}  // namespace labctl::controllers
