// apply, delete, scale and label: changes of objects.

#include "labctl/api/json_line.hpp"
#include "labctl/api/lab_requests.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/scenario/refusal.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/diagnostic.hpp"
#include "topology/manifest/default_namespace.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/manifest/yaml/source.hpp"

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
  return api::to_json(manifest::read_sources(full));
}

bool is_path(const std::string& text) {
  return text.ends_with(".yaml") || text.ends_with(".yml") || text.ends_with(".json") || text.ends_with('/');
}

std::string object_path(const std::string& ref) {
  const api::ResourceRef parsed = api::parse_resource_ref(ref);
  return api::object_path(*parsed.kind, parsed.ns, parsed.name);
}

// What the API had against an apply: mistakes of the files, a line each, and why it did nothing.
struct ApplyReply {
  std::string problems;
  std::string refusal;
};

ApplyReply send_apply(Context& context, const json& request) {
  const api::Reply reply = context.lab.send("POST", "/lab/v1/apply", api::json_line(request));
  const json result = reply.json();
  ApplyReply said;
  for (const json& diagnostic : result.value("diagnostics", json::array())) {
    if (diagnostic["severity"] == "error") {
      said.problems += diagnostic["file"].get<std::string>() + ":" + diagnostic["line"].dump() + ": " +
                       diagnostic["message"].get<std::string>() + "\n";
    }
  }
  if (reply.is_error()) {
    said.refusal = said.problems.empty() ? result.value("message", "apply: refused") : "apply: refused";
  }
  return said;
}

// Where the objects of these manifests are, or would be, in the API.
std::vector<std::string> paths_of_objects(const json& sources, const std::string& ns) {
  std::vector<manifest::Source> parsed;
  for (const json& source : sources) {
    parsed.push_back({source["name"], source["text"]});
  }
  manifest::LoadOptions options;
  options.leaves_out_made = false;
  std::vector<std::string> paths;
  manifest::ask_for_namespace(options, ns);
  for (const manifest::Object& object : manifest::load(parsed, options).objects) {
    if (const api::ResourceKind* kind = api::find_kind(object.api_version, object.kind)) {
      paths.push_back(api::object_path(*kind, object.ns, object.name));
    }
  }
  return paths;
}

}  // namespace

Attempt do_apply(Context& context, const json& value) {
  const json files = value.is_object() ? value["files"] : value;
  const json expect = value.is_object() ? value.value("expect", json()) : json();
  const std::string ns = value.is_object() ? value.value("namespace", context.ns) : context.ns;
  const json request{{"sources", sources_of(context, texts_of(files))}, {"namespace", ns}};
  if (expect.is_object()) {
    const std::vector<std::string> paths = paths_of_objects(request["sources"], ns);
    const json before = written_state(context, paths);
    const ApplyReply said = send_apply(context, request);
    return check_refusal(expect, said.problems + said.refusal, before, written_state(context, paths));
  }
  const ApplyReply said = send_apply(context, request);
  Attempt attempt;
  attempt.details = said.problems;
  if (!said.problems.empty() || !said.refusal.empty()) {
    attempt.passed = false;
    attempt.broken = true;
    attempt.message = said.refusal;
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
    request["namespace"] = context.ns;
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
