#pragma once

// Waiting for an object to be as one wants it, driven by the changes of the store.

#include <nlohmann/json_fwd.hpp>

namespace labctl::supervisor {

class Lab;

// {"resource","namespace","name","timeout_ms"} with "condition" (a condition of status that is True, or
// "Deleted") or "pointer" and "equals" -> {"met":bool,"seen":text}. Runs on the connection's thread; the
// object need not exist yet. Throws Error: InvalidInput.
nlohmann::json wait_for(Lab& lab, const nlohmann::json& request);

}  // namespace labctl::supervisor
