#pragma once

// Reading Kubernetes objects as JSON: the few fields the controllers decide by. Nothing here throws on a
// field that is absent or of another type; it counts as unset.

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::objects {

// The member at `path` ("status.phase"), or null. Members only, no array elements.
const nlohmann::json* field(const nlohmann::json& object, std::string_view path);
// "" when absent.
const std::string& text_at(const nlohmann::json& object, std::string_view path);
std::int64_t number_at(const nlohmann::json& object, std::string_view path, std::int64_t otherwise);
bool is_true_at(const nlohmann::json& object, std::string_view path);
// An empty array when absent.
const nlohmann::json& list_at(const nlohmann::json& object, std::string_view path);

const std::string& uid_of(const nlohmann::json& object);
const std::string& name_of(const nlohmann::json& object);
const std::string& namespace_of(const nlohmann::json& object);
// metadata.deletionTimestamp is set.
bool is_being_deleted(const nlohmann::json& object);

// The ownerReference with controller: true; null when there is none.
const nlohmann::json* controller_of(const nlohmann::json& object);
// An ownerReference to `owner` with controller and blockOwnerDeletion set.
nlohmann::json owner_reference(const nlohmann::json& owner);

// ---- Pods ----

// status.phase; "Pending" when unset.
std::string_view phase_of(const nlohmann::json& pod);
// Succeeded or Failed: it runs no more, and has given its address back.
bool is_finished(const nlohmann::json& pod);
// Neither finished nor being deleted: what a workload counts as its own.
bool is_active(const nlohmann::json& pod);
// The condition Ready is True.
bool is_ready(const nlohmann::json& pod);
// Since when the condition Ready is as it is.
std::optional<std::chrono::system_clock::time_point> ready_since(const nlohmann::json& pod);

// The condition of that type; null when there is none.
const nlohmann::json* condition(const nlohmann::json& object, std::string_view type);

}  // namespace labctl::objects
