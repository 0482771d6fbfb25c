#pragma once

// The course of a pod through a lab, as one table: what its object says and what the lab holds of it decide
// what is to be done next. Whoever marks, places, ends or removes a pod asks here, so that no two of them go
// by different facts and leave a pod where nobody fetches it.
//
//                 +--------- Retrying <-----------+ (its network or its start failed; a timer looks again)
//                 v                               |
//   None -- has node and address --> Placed --> Living --> Stopping --> Stopped --> None
//    |                                 |   (containers wait          (PodLife ends      (its network goes)
//    +-- being deleted: object goes    |    for DNS at boot)          containers)
//                                      +--- object gone, finished or being deleted ---> Stopped
//
// The object of a pod being deleted goes when the lab holds nothing of it and no finalizer is left. One that is gone while the lab
// still holds something of it (deleted by force, or finished), and one under whose name another came, end
// likewise: what is held knows whose it is by its uid.

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string_view>

namespace labctl::objects {

// What a lab holds of a pod.
enum class PodHold {
  None,
  Retrying,  // nothing, and a timer is set after which it is tried again
  Placed,    // its network; its containers wait
  Living,    // its network and its life
  Stopping,  // the same, and its life has been told to end: PodLife::on_stopped follows
  Stopped,   // its network; its life is over
};
std::string_view hold_name(PodHold hold);

// What the pod's object says.
struct PodWish {
  bool is_assigned = false;  // has a node and an address
  bool is_finished = false;
  bool is_being_deleted = false;
  bool is_held_back = false;  // has finalizers
};
PodWish wish_of(const nlohmann::json& pod);

enum class PodAct {
  Nothing,      // at rest, or somebody else's turn
  Place,        // make its network, then start it
  ForgetRetry,  // then look again
  GiveUpPlace,  // to Stopped: it has no life to end
  Disconnect,   // of a finished pod: its address may be another's. Again: nothing
  Stop,         // within the grace of its object. Again: the earlier end counts
  StopAtOnce,   // its object is gone
  TakeDown,     // its network goes; then look again
  RemoveObject,
};

// `wish` is nothing when there is no object, or when there is one of another uid than that of what is held.
PodAct next_act(const std::optional<PodWish>& wish, PodHold hold);

// A deletion marks such a pod, since a lab may hold something of it; every other goes at once.
bool lives_on_node(const nlohmann::json& pod);
// Nothing is held of it, and it is to be placed.
bool is_placeable(const nlohmann::json& pod);

}  // namespace labctl::objects
