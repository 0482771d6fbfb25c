#pragma once

// Objects in a state that nobody will leave: a check of what the loops and the lab promise each other, over
// the store and what the lab holds of its pods. It knows no loop, only who is to lead out of which state.
//
// To be asked when nothing is left to do: in the middle of a turn much is on its way. Pure, and linear in the
// number of objects. Threads: the store's.

#include "labctl/objects/pod_course.hpp"
#include "labctl/store/store.hpp"

#include <map>
#include <string>
#include <vector>

namespace labctl::controllers {

// What is held of the pod under a name, and of which object.
struct HeldPod {
  std::string uid;
  objects::PodHold hold = objects::PodHold::None;
};

struct Stuck {
  store::Key key;
  std::string why;
};

// By key. `held`: every pod of which the lab holds something, by the key of its object.
std::vector<Stuck> find_stuck(const store::Store& store, const std::map<store::Key, HeldPod>& held);

// "pods/default/web-0: is being deleted, and is living", a line each.
std::string to_text(const std::vector<Stuck>& stuck);

}  // namespace labctl::controllers
