#include "topology/manifest/applied_text.hpp"

#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json.hpp>

namespace labctl::manifest {

using nlohmann::json;

std::string go_json(const json& value) {
  const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  // All of these stand in strings only.
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (text[i] == '<') {
      out += "\\u003c";
    } else if (text[i] == '>') {
      out += "\\u003e";
    } else if (text[i] == '&') {
      out += "\\u0026";
    } else if (rest.starts_with("\u2028") || rest.starts_with("\u2029")) {
      out += rest.starts_with("\u2028") ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string applied_text(const YamlNode& object, const AppliedIdentity& identity) {
  json said = to_json(object, Nulls::Keep);
  said["apiVersion"] = identity.api_version;  // items of typed lists leave them out
  said["kind"] = identity.kind;
  json& metadata = said["metadata"];
  if (!metadata.is_object()) {
    metadata = json::object();
  }
  if (identity.ns.empty()) {
    metadata.erase("namespace");
  } else {
    metadata["namespace"] = identity.ns;
  }
  json& annotations = metadata["annotations"];
  if (!annotations.is_object()) {
    annotations = json::object();
  }
  annotations.erase(model::kLastAppliedAnnotation);
  return go_json(said) + "\n";
}

}  // namespace labctl::manifest
