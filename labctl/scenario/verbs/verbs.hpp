#pragma once

// The verbs of a step, one file each: do it once, and say how it went. `value` is what stands under the verb,
// checked by the manifest room, its variables filled in. Errors of the lab itself are thrown as Error.

#include "labctl/api/probe_message.hpp"
#include "labctl/scenario/attempt.hpp"
#include "labctl/scenario/context.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>

namespace labctl::scenario {

Attempt do_probe(Context& context, const nlohmann::json& value);
Attempt do_exec(Context& context, const nlohmann::json& value);
Attempt do_matrix(Context& context, const nlohmann::json& value);
Attempt do_wait(Context& context, const nlohmann::json& value);
Attempt do_apply(Context& context, const nlohmann::json& value);
Attempt do_delete(Context& context, const nlohmann::json& value);
Attempt do_scale(Context& context, const nlohmann::json& value);
Attempt do_label(Context& context, const nlohmann::json& value);
Attempt do_patch(Context& context, const nlohmann::json& value);
Attempt do_get(Context& context, const nlohmann::json& value);
Attempt do_resync(Context& context, const nlohmann::json& value);
Attempt do_flow(Context& context, const nlohmann::json& value);

// What a probe asks the lab: its fields are those of `probe` and of the start of a `flow`. Throws Error
// InvalidInput.
api::ProbeRequest probe_request(const nlohmann::json& value, std::int64_t timeout_ms = 1000);

// A duration field of a verb in milliseconds.
std::int64_t milliseconds_of(const nlohmann::json& value, const char* field, std::int64_t otherwise);

}  // namespace labctl::scenario
