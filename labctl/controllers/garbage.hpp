#pragma once

// Garbage: objects whose owners are all gone (concepts, "Garbage Collection"), and what is in a namespace
// that is being deleted. Both go in the background, after what made them garbage. What is thrown over one
// object becomes an event of it, and does not keep the others.

#include "labctl/controllers/work.hpp"

#include <string>

namespace labctl::controllers {

enum class Progress {
  Done,
  Unfinished,  // the turn was over: again
  Failed,      // for some object: again, but not at once
};

// Deletes what the object of `uid`, now gone, was the last owner of; where other owners remain, takes the
// reference out. Nothing when an object has that uid (again).
Progress collect_dependents(Work& work, const std::string& uid);

// Deletes everything in a namespace that is being deleted, and the namespace itself once it is empty. What
// makes pods goes before pods.
Progress empty_namespace(Work& work, const std::string& ns);

}  // namespace labctl::controllers
