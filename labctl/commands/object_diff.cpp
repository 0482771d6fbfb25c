#include "labctl/commands/object_diff.hpp"

#include "labctl/report/objects/fields.hpp"
#include "labctl/report/text/unified_diff.hpp"
#include "labctl/report/text/yaml.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::commands {
namespace {

using nlohmann::json;

// kubectl, diff.Masker: that a value changes is shown, the value never.
void mask_secret(json& side, const json& other, const char* changed) {
  for (const char* part : {"data", "stringData"}) {
    const auto values = side.is_object() ? side.find(part) : side.end();
    if (!side.is_object() || values == side.end() || !values->is_object()) {
      continue;
    }
    const json& others = report::at(other, std::string("/") + part);
    for (auto& [key, value] : values->items()) {
      const bool is_in_both = others.is_object() && others.contains(key);
      value = is_in_both && others[key] != value ? changed : "***";
    }
  }
}

json without_what_is_the_labs(json object) {
  if (!object.is_object()) {
    return object;
  }
  object.erase("status");
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return object;
  }
  for (const char* name :
       {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"}) {
    metadata->erase(name);
  }
  if (const auto annotations = metadata->find("annotations");
      annotations != metadata->end() && annotations->is_object()) {
    annotations->erase(model::kLastAppliedAnnotation);
    if (annotations->empty()) {
      metadata->erase("annotations");
    }
  }
  return object;
}

std::string yaml_of(const json& object) {
  std::ostringstream out;
  if (!object.is_null()) {
    report::write_yaml(out, object);
  }
  return out.str();
}

// "apps.v1.Deployment.default.web", as kubectl names the files that it compares.
std::string file_name(const json& result) {
  std::string name = report::text(result, "/apiVersion") + "." + report::text(result, "/kind") + "." +
                     report::text(result, "/namespace") + "." + report::text(result, "/name");
  for (char& c : name) {
    c = c == '/' ? '.' : c;
  }
  return name;
}

}  // namespace

std::string object_diff(const json& result) {
  json live = without_what_is_the_labs(report::at(result, "/live"));
  json merged = without_what_is_the_labs(report::at(result, "/merged"));
  if (report::text(result, "/kind") == "Secret") {
    const json as_it_is = live;
    mask_secret(live, merged, "*** (before)");
    mask_secret(merged, as_it_is, "*** (after)");
  }
  const std::string before = yaml_of(live), after = yaml_of(merged), name = file_name(result);
  return report::unified_diff({"live/" + name, before}, {"merged/" + name, after});
}

}  // namespace labctl::commands
