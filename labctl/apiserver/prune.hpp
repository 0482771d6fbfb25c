#pragma once

// What `kubectl apply --prune` takes away: objects that were applied once, that the selector means, and that
// the files of this apply no longer have.

#include "labctl/api/lab_requests.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/apiserver/lab_objects.hpp"

#include <set>
#include <vector>

namespace labctl::apiserver {

// Throws Error: InvalidInput for a prune that names neither labels nor --all, or a kind that there is not.
void check_prune(const api::ApplyRequest& request);

// Of the kinds of kubectl's list, in the namespaces of `applied`; those without a namespace unless one was
// asked for. Only what has the annotation of an apply goes. On any thread but the main loop's.
struct Pruned {
  const api::ResourceKind* kind;
  store::Key key;
};
std::vector<Pruned> objects_to_prune(const LabObjects& lab, const api::ApplyRequest& request,
                                     const std::set<store::Key>& applied);

}  // namespace labctl::apiserver
