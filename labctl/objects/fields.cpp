#include "labctl/objects/fields.hpp"

#include "topology/base/timestamp.hpp"

#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

using nlohmann::json;

const std::string kNothing;

// By view: the controllers ask this some hundred thousand times a run, and a
// string for each would be most of the cost.
const json* member(const json& object, std::string_view name) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

const std::string& metadata_text(const json& object, std::string_view name) {
  const json* metadata = member(object, "metadata");
  const json* value = metadata == nullptr ? nullptr : member(*metadata, name);
  return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : kNothing;
}

}  // namespace

const json* field(const json& object, std::string_view path) {
  const json* at = &object;
  while (at != nullptr && !path.empty()) {
    const auto dot = path.find('.');
    at = member(*at, path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return at;
}

const std::string& text_at(const json& object, std::string_view path) {
  const json* value = field(object, path);
  return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : kNothing;
}

std::int64_t number_at(const json& object, std::string_view path, std::int64_t otherwise) {
  const json* value = field(object, path);
  return value != nullptr && value->is_number_integer() ? value->get<std::int64_t>() : otherwise;
}

bool is_true_at(const json& object, std::string_view path) {
  const json* value = field(object, path);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

const json& list_at(const json& object, std::string_view path) {
  static const json kEmpty = json::array();
  const json* value = field(object, path);
  return value != nullptr && value->is_array() ? *value : kEmpty;
}

const std::string& uid_of(const json& object) { return metadata_text(object, "uid"); }

const std::string& name_of(const json& object) { return metadata_text(object, "name"); }

const std::string& namespace_of(const json& object) { return metadata_text(object, "namespace"); }

bool is_being_deleted(const json& object) { return !metadata_text(object, "deletionTimestamp").empty(); }

const json* controller_of(const json& object) {
  const json* owners = field(object, "metadata.ownerReferences");
  if (owners == nullptr || !owners->is_array()) {
    return nullptr;
  }
  for (const json& owner : *owners) {
    if (is_true_at(owner, "controller")) {
      return &owner;
    }
  }
  return nullptr;
}

json owner_reference(const json& owner) {
  return {{"apiVersion", text_at(owner, "apiVersion")},
          {"kind", text_at(owner, "kind")},
          {"name", name_of(owner)},
          {"uid", uid_of(owner)},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

std::string_view phase_of(const json& pod) {
  const std::string& phase = text_at(pod, "status.phase");
  return phase.empty() ? std::string_view("Pending") : std::string_view(phase);
}

bool is_finished(const json& pod) {
  const std::string_view phase = phase_of(pod);
  return phase == "Succeeded" || phase == "Failed";
}

bool is_active(const json& pod) { return !is_being_deleted(pod) && !is_finished(pod); }

bool is_ready(const json& pod) {
  const json* ready = condition(pod, "Ready");
  return ready != nullptr && text_at(*ready, "status") == "True";
}

std::optional<std::chrono::system_clock::time_point> ready_since(const json& pod) {
  const json* ready = condition(pod, "Ready");
  return ready == nullptr ? std::nullopt : parse_timestamp(text_at(*ready, "lastTransitionTime"));
}

const json* condition(const json& object, std::string_view type) {
  const json* conditions = field(object, "status.conditions");
  if (conditions == nullptr || !conditions->is_array()) {
    return nullptr;
  }
  for (const json& candidate : *conditions) {
    if (text_at(candidate, "type") == type) {
      return &candidate;
    }
  }
  return nullptr;
}

}  // namespace labctl::objects
