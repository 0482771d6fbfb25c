#pragma once

// Manifests applied to a running lab, and objects deleted from it, as `kubectl apply` and `kubectl delete`
// do. All of a request or nothing of it.
//
// Threads: the main loop's.

#include "labctl/supervisor/lab_requests.hpp"
#include "topology/base/diagnostic.hpp"

#include <nlohmann/json_fwd.hpp>

#include <vector>

namespace labctl::supervisor {

class Lab;

// {"diagnostics":[...],"results":[{"kind","apiVersion","namespace","name", "action"}]}. With an error among
// the diagnostics there are no results and nothing has changed. Throws Error: InvalidInput when a change is
// not allowed; nothing has changed then.
nlohmann::json apply_manifests(Lab& lab, const ApplyRequest& request);

// {"results":[...]}, in reverse order of the sources. An object that is not there is "notfound", which is no
// failure.
nlohmann::json delete_objects(Lab& lab, const DeleteRequest& request);

// An object that a client of the Kubernetes-shaped API writes: checked as a manifest would be, its defaults
// filled in.
std::vector<Diagnostic> check_object(Lab& lab, nlohmann::json& object);

}  // namespace labctl::supervisor
