#pragma once

// Waiting for an object to be as one wants it, driven by the changes of the store.

#include "labctl/api/lab_requests.hpp"
#include "labctl/apiserver/lab_objects.hpp"
#include "topology/base/cancel.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::apiserver {

// {"met":bool,"seen":text}. Runs on the connection's thread; the object need not exist yet. Throws Error:
// Busy when `gone` is requested first.
nlohmann::json wait_for(const LabObjects& lab, const api::WaitRequest& wanted, const Cancel* gone);

}  // namespace labctl::apiserver
