#pragma once

// Objects deleted by name, or because files name them, as `kubectl delete` does.
//
// Threads: any but the main loop's.

#include "labctl/api/lab_requests.hpp"
#include "labctl/apiserver/lab_objects.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::apiserver {

// {"diagnostics":[...],"results":[{"kind","apiVersion","namespace","name","action"}]}, in reverse order of the
// sources, of which only kind, name and namespace are read. An object that is not there is "notfound", which
// is no failure. Throws Error: InvalidInput for sources that do not say whom they mean, Permission for what may
// not be deleted; nothing has gone then.
nlohmann::json delete_objects(const LabObjects& lab, const api::DeleteRequest& request);

}  // namespace labctl::apiserver
