#include "labctl/apiserver/last_applied.hpp"

#include "labctl/api/request_reader.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json.hpp>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

// Of keys and values of all annotations together (apimachinery, TotalAnnotationSizeLimitB).
constexpr std::size_t kAnnotationsMax = 256u << 10;

const json* annotation_of(const json& object) {
  const json* annotations = objects::field(object, "metadata.annotations");
  const auto found = annotations != nullptr && annotations->is_object()
                         ? annotations->find(model::kLastAppliedAnnotation)
                         : json::const_iterator();
  return annotations != nullptr && annotations->is_object() && found != annotations->end() ? &*found
                                                                                           : nullptr;
}

// Nothing when there is no room for the text.
std::optional<json> with_annotation(const json& object, const std::string& text) {
  const json* present = objects::field(object, "metadata.annotations");
  json annotations = present != nullptr && present->is_object() ? *present : json::object();
  annotations[model::kLastAppliedAnnotation] = text;
  std::size_t size = 0;
  for (const auto& [name, value] : annotations.items()) {
    size += name.size() + (value.is_string() ? value.get_ref<const std::string&>().size() : 0);
  }
  return size > kAnnotationsMax ? std::nullopt : std::optional(std::move(annotations));
}

}  // namespace

std::optional<json> last_applied(const json& object) {
  const json* annotation = annotation_of(object);
  if (annotation == nullptr || !annotation->is_string() ||
      annotation->get_ref<const std::string&>().empty()) {
    return std::nullopt;
  }
  const std::string what = objects::text_at(object, "kind") + " \"" + objects::name_of(object) +
                           "\": annotation " + model::kLastAppliedAnnotation;
  json before = api::parse_json(annotation->get_ref<const std::string&>(), what);
  if (!before.is_object()) {
    throw Error(ErrorKind::InvalidInput, what + ": holds no object", "remove the annotation and apply again");
  }
  return before;
}

bool has_last_applied(const json& object) { return annotation_of(object) != nullptr; }

void set_last_applied(json& object, const std::string& text) {
  std::optional<json> annotations = with_annotation(object, text);
  if (!annotations) {
    throw Error(ErrorKind::InvalidInput,
                objects::text_at(object, "kind") + " \"" + objects::name_of(object) +
                    "\" is invalid: metadata.annotations: Too long: may not be more than " +
                    std::to_string(kAnnotationsMax) + " bytes",
                "apply keeps the whole file in an annotation: make the object smaller");
  }
  object["metadata"]["annotations"] = std::move(*annotations);
}

void save_last_applied(json& object, const std::string& text) {
  if (text.empty()) {
    return;
  }
  if (std::optional<json> annotations = with_annotation(object, text)) {
    object["metadata"]["annotations"] = std::move(*annotations);
  }
}

std::string no_last_applied_warning(const std::string& resource) {
  return "resource " + resource + " is missing the " + model::kLastAppliedAnnotation +
         " annotation which is required by labctl apply. labctl apply should only be used on resources "
         "created "
         "declaratively by either labctl up or labctl apply. The missing annotation will be patched "
         "automatically.";
}

}  // namespace labctl::apiserver
