#pragma once

// Manifests applied to a running lab, as `kubectl apply` does: what is there already is merged with what the
// files say and with what they said when they were applied last (three_way_merge.hpp).
//
// All of a request or nothing of it: whatever can be refused is refused before the first object is written.
// Reading and checking is done on the calling thread, writing on the main loop, some hundred objects a turn,
// so that the lab goes on meanwhile.
//
// Threads: any but the main loop's, unless said otherwise.

#include "labctl/api/lab_requests.hpp"
#include "labctl/apiserver/lab_objects.hpp"
#include "labctl/apiserver/object_check.hpp"

#include <cstddef>
#include <nlohmann/json_fwd.hpp>

namespace labctl::apiserver {

// {"diagnostics":[...],"results":[{"kind","apiVersion","namespace","name","action"}]}; the action is
// "created", "configured", "unchanged" or "pruned". Of a dry run what would change also has "live" and
// "merged", the object as it is and as it would be, null where it is not. With an error among the diagnostics there are no
// results and nothing has changed. Throws Error: InvalidInput when a change is not allowed; nothing has
// changed then.
nlohmann::json apply_manifests(const LabObjects& lab, const api::ApplyRequest& request);

// Of `more` new objects, that of `key` the first: as a quota would, pods made by hand count as those that
// workloads make. Throws Error: InvalidInput. On the main loop.
void check_room(const LabObjects& lab, const store::Key& key, std::size_t more = 1);

// What the Kubernetes-shaped API holds an object of a client to: it is checked as a manifest would be, by
// what the lab is now, and its defaults are filled in. On the main loop; the check itself on any thread.
ObjectCheck object_check(const LabObjects& lab);

}  // namespace labctl::apiserver
