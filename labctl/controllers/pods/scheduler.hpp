#pragma once

// Where pods go: spec.nodeName if given, else a node that is Ready, that spec.nodeSelector fits, and that has
// room and the pod's hostPorts free; the one with the fewest pods, the first of the Cluster among equals.
// Same files, same places.

#include "labctl/controllers/work.hpp"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

namespace labctl::controllers {

// The nodes that a pod or pod template names or selects, in the Cluster's
// order, whether they have room or not.
std::vector<std::string> nodes_fitting(const Work& work, const nlohmann::json& pod);

// Places the pods of one run. Counts the pods of every node when made, then keeps count.
class Scheduler {
 public:
  explicit Scheduler(Work& work);

  // Sets spec.nodeName and the condition PodScheduled in `pod`, which has no place yet, and takes the place.
  // Where there is none: false, and the condition says why, as in "0/3 nodes are available: 3 Too many pods."
  bool place(nlohmann::json& pod);

 private:
  struct Seat {
    std::string name;
    nlohmann::json const* labels = nullptr;  // of the Node object, which `objects_` keeps
    bool is_schedulable = true;
    bool is_ready = true;
    std::size_t capacity = 0;
    std::size_t pods = 0;
    std::size_t dns_pods = 0;  // of these: the lab's own, which no file brought and so moves no other pod
  };
  bool refuse(nlohmann::json& pod, const std::string& reason, const std::string& message) const;
  // Whether `pod` rather goes to `a` than to `b`.
  static bool is_emptier(const Seat& a, const Seat& b, bool is_dns);
  Seat* seat_named(const std::string& name);

  Work& work_;
  std::vector<store::ObjectPtr> objects_;
  std::vector<Seat> seats_;  // in the Cluster's order
};

// Places what has no place, and gives it addresses: one write a pod. What has not found one is added to
// `waiting`, what has is taken out. How many were looked at before the turn was over. A pod over which
// something is thrown waits, and has an event.
std::size_t place_pods(Work& work, const std::vector<store::Key>& pods, std::set<store::Key>& waiting);

}  // namespace labctl::controllers
