#include "labctl/apiserver/object_check.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace labctl::apiserver {

using nlohmann::json;

ObjectCheck check_as_manifest(manifest::LoadOptions known) {
  return [known = std::move(known)](json& object) {
    manifest::Loaded loaded = manifest::load_object(object, known);
    if (!has_errors(loaded.diagnostics) && loaded.objects.size() == 1) {
      object = std::move(loaded.objects.front().json);
    }
    return std::move(loaded.diagnostics);
  };
}

void refuse_errors(const json& object, const std::vector<Diagnostic>& diagnostics) {
  std::string message, hint;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::Error) {
      message += (message.empty() ? "" : "; ") + (diagnostic.path.empty() ? "" : diagnostic.path + ": ") +
                 diagnostic.message;
      hint = hint.empty() ? diagnostic.hint : hint;
    }
  }
  if (!message.empty()) {
    throw Error(
        ErrorKind::InvalidInput,
        objects::text_at(object, "kind") + " \"" + objects::name_of(object) + "\" is invalid: " + message,
        hint);
  }
}

void check_whole(const ObjectCheck& check, json& object) {
  if (!check) {
    return;
  }
  const auto found = object.find("status");
  json status = found == object.end() ? json() : std::move(*found);
  refuse_errors(object, check(object));
  if (!status.is_null()) {
    object["status"] = std::move(status);
  }
}

}  // namespace labctl::apiserver
