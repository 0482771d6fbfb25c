#pragma once

// What was applied last, kept with the object as kubectl keeps it: the annotation
// kubectl.kubernetes.io/last-applied-configuration (kubectl, pkg/util/apply.go). Its text is made where files
// are read, manifest::Object::last_applied. Pure.

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace labctl::apiserver {

// The object that the annotation holds; nothing without one. Throws Error: InvalidInput when it holds none.
std::optional<nlohmann::json> last_applied(const nlohmann::json& object);
bool has_last_applied(const nlohmann::json& object);

// Sets the annotation. Throws Error: InvalidInput when the annotations together then are longer than the API
// server takes.
void set_last_applied(nlohmann::json& object, const std::string& text);
// The same of a new object that nobody applies: where there is no room for it, without.
void save_last_applied(nlohmann::json& object, const std::string& text);

// What kubectl says when it meets an object that was not applied before; `resource` as in "deployments/web".
std::string no_last_applied_warning(const std::string& resource);

}  // namespace labctl::apiserver
