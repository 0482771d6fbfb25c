// apply, delete, scale and label: changes of objects.

#include "labctl/api/resource_kinds.hpp"
#include "labctl/scenario/verbs.hpp"
#include "topology/base/diagnostic.hpp"
#include "topology/manifest/source.hpp"

namespace labctl::scenario {
namespace {

using nlohmann::json;

std::vector<std::string> texts_of(const json& value) {
  if (value.is_string()) {
    return {value.get<std::string>()};
  }
  return value.get<std::vector<std::string>>();
}

json sources_of(const Context& context, const std::vector<std::string>& paths) {
  std::vector<std::string> full;
  for (const std::string& path : paths) {
    full.push_back((context.folder / path).string());
  }
  json sources = json::array();
  for (const manifest::Source& source : manifest::read_sources(full)) {
    sources.push_back({{"name", source.name}, {"text", source.text}});
  }
  return sources;
}

bool is_path(const std::string& text) {
  return text.ends_with(".yaml") || text.ends_with(".yml") || text.ends_with(".json") || text.ends_with('/');
}

std::string object_path(const std::string& ref) {
  const api::ResourceRef parsed = api::parse_resource_ref(ref);
  return api::object_path(*parsed.kind, parsed.ns, parsed.name);
}

}  // namespace

Attempt do_apply(Context& context, const json& value) {
  const json request{{"sources", sources_of(context, texts_of(value))}};
  const api::Reply reply = context.lab.send("POST", "/lab/v1/apply", request.dump());
  Attempt attempt;
  const json result = reply.json();
  for (const json& diagnostic : result.value("diagnostics", json::array())) {
    if (diagnostic["severity"] == "error") {
      attempt.passed = false;
      attempt.broken = true;
      attempt.details += diagnostic["file"].get<std::string>() + ":" + diagnostic["line"].dump() + ": " +
                         diagnostic["message"].get<std::string>() + "\n";
    }
  }
  if (reply.is_error()) {
    attempt.passed = false;
    attempt.broken = true;
    attempt.message = attempt.details.empty() ? result.value("message", "apply: refused") : "apply: refused";
  }
  return attempt;
}

Attempt do_delete(Context& context, const json& value) {
  json refs = json::array();
  std::vector<std::string> paths;
  for (const std::string& text : texts_of(value)) {
    if (is_path(text)) {
      paths.push_back(text);
      continue;
    }
    const api::ResourceRef ref = api::parse_resource_ref(text);
    refs.push_back({{"resource", ref.kind->plural}, {"namespace", ref.ns}, {"name", ref.name}});
  }
  json request{{"refs", std::move(refs)}};
  if (!paths.empty()) {
    request["sources"] = sources_of(context, paths);
  }
  const json result = context.lab.post("/lab/v1/delete", request.dump()).json();
  Attempt attempt;
  for (const json& one : result["results"]) {
    if (one["action"] == "notfound") {
      attempt.passed = false;
      attempt.broken = true;
      attempt.message = one["kind"].get<std::string>() + " " + one["name"].get<std::string>() + ": not found";
    }
  }
  return attempt;
}

Attempt do_scale(Context& context, const json& value) {
  const json patch{{"spec", {{"replicas", value["replicas"]}}}};
  context.lab.patch(object_path(value["ref"].get<std::string>()), patch.dump());
  return {};
}

Attempt do_label(Context& context, const json& value) {
  json labels = value.value("labels", json::object());
  for (const json& key : value.value("remove", json::array())) {
    labels[key.get<std::string>()] = nullptr;  // RFC 7396: null removes
  }
  context.lab.patch(object_path(value["ref"].get<std::string>()),
                    json{{"metadata", {{"labels", labels}}}}.dump());
  return {};
}

}  // namespace labctl::scenario
