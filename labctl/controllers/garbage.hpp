#pragma once

// Garbage: objects whose owners are all gone (concepts, "Garbage Collection"), and what is in a namespace
// that is being deleted. Both go in the background, after what made them garbage; and what is being deleted and
// waits for its finalizers. What is thrown over one object becomes an event of it, and does not keep the others.

#include "labctl/controllers/work.hpp"

#include <set>
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

// What may be let go after `change`: the object itself, or owners that waited for it.
std::set<store::Key> leaving_after(const store::Store& store, const store::Change& change);

// The object at `key`, if it is being deleted: it goes when it has no finalizer any more. One that is deleted in
// the foreground has what it owns deleted, and is held by those that block it (blockOwnerDeletion).
Progress let_go(Work& work, const store::Key& key);

// Deletes everything in a namespace that is being deleted, and the namespace itself once it is empty. What
// makes pods goes before pods.
Progress empty_namespace(Work& work, const std::string& ns);

}  // namespace labctl::controllers
