#include "labctl/supervisor/apply_service.hpp"

#include "labctl/api/resource_kinds.hpp"
#include "labctl/controllers/deletion.hpp"
#include "labctl/controllers/objects.hpp"
#include "labctl/controllers/service_update.hpp"
#include "labctl/supervisor/lab.hpp"
#include "labctl/supervisor/resource_rules.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/model/pod_capacity.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace labctl::supervisor {
namespace {

using nlohmann::json;

manifest::LoadOptions load_options(Lab& lab, bool strict) {
  manifest::LoadOptions options;
  options.strict = strict;
  options.allow_cluster = false;
  for (const store::ObjectPtr& ns : lab.objects().list("namespaces")) {
    options.known_namespaces.insert(ns->at("/metadata/name"_json_pointer).get<std::string>());
  }
  for (const model::Node& node : lab.cluster().nodes) {
    options.known_nodes.insert(node.name);
  }
  options.known_network = lab.cluster().network;
  return options;
}

// As a quota would: what is made by hand counts as what workloads make.
void check_room(Lab& lab, const store::Key& key) {
  if (key.resource == "pods" && lab.objects().count("pods") >= model::kPodsPerLab) {
    throw Error(ErrorKind::InvalidInput, "pods \"" + key.name +
                                             "\" is forbidden: exceeded: a lab has at most " +
                                             std::to_string(model::kPodsPerLab) + " pods");
  }
}

// As manifests are read for this lab.
manifest::Loaded load_for(Lab& lab, const std::vector<manifest::Source>& sources, bool strict) {
  manifest::Loaded loaded = manifest::load(sources, load_options(lab, strict));
  const std::uint64_t capacity = model::pod_capacity(lab.cluster());
  for (const manifest::Object& object : loaded.objects) {
    if (const auto complaint =
            model::check_replicas(controllers::number_at(object.json, "spec.replicas", 0), capacity)) {
      loaded.diagnostics.push_back(
          {Severity::Error, object.where, "spec.replicas", complaint->message, complaint->hint});
    }
  }
  return loaded;
}

json to_json(const Diagnostic& diagnostic) {
  return {{"severity", diagnostic.severity == Severity::Error ? "error" : "warning"},
          {"file", diagnostic.where.file},
          {"line", diagnostic.where.line},
          {"column", diagnostic.where.column},
          {"path", diagnostic.path},
          {"message", diagnostic.message},
          {"hint", diagnostic.hint}};
}

store::Key key_of(const manifest::Object& object) {
  const api::ResourceKind* kind = api::find_kind(object.api_version, object.kind);
  if (kind == nullptr) {
    throw Error(ErrorKind::Unsupported, object.kind + " \"" + object.name + "\": no such kind in this lab");
  }
  return {std::string(kind->plural), object.ns, object.name};
}

// What the object becomes: metadata that users own and the spec from the manifest, all else as it is. A pod's
// spec also has what the scheduler decided, so only what the manifest names is compared and nothing may
// change.
json merged(const store::Key& key, const json& current, const json& wanted) {
  json object = current;
  for (const char* field : {"labels", "annotations"}) {
    const json::json_pointer pointer = json::json_pointer("/metadata") / field;
    if (wanted.contains(pointer)) {
      object[pointer] = wanted[pointer];
    }
  }
  if (key.resource == "endpoints" || key.resource == "endpointslices") {
    json whole = wanted;  // they have no spec: all that is not metadata is the manifest's
    whole["metadata"] = object["metadata"];
    check_unchanged(key.resource, current, whole);
    return whole;
  }
  if (!wanted.contains("spec")) {
    return object;
  }
  if (key.resource == "pods") {
    json spec = current.value("spec", json::object());
    spec.merge_patch(wanted["spec"]);
    if (spec != current.value("spec", json::object())) {
      throw Error(ErrorKind::InvalidInput,
                  "pod \"" + key.ns + "/" + key.name + "\": spec: may not be changed in a running pod",
                  "delete the pod and apply it again, or let a Deployment replace it");
    }
    return object;
  }
  const json::json_pointer selector("/spec/selector");
  if (key.resource != controllers::kServices && current.contains(selector) && wanted.contains(selector) &&
      current[selector] != wanted[selector]) {
    throw Error(ErrorKind::InvalidInput, to_string(key) + ": spec.selector: may not be changed",
                "delete the object and apply it again");
  }
  object["spec"] = wanted["spec"];
  if (key.resource == controllers::kServices) {
    controllers::carry_over_applied(current, object);
  }
  return object;
}

std::string apply_one(Lab& lab, const store::Key& key, const json& wanted) {
  store::Store& objects = lab.objects();
  const bool is_service = key.resource == controllers::kServices;
  const store::ObjectPtr current = objects.find(key);
  if (current == nullptr) {
    check_room(lab, key);
    json fresh = wanted;
    prepare_new(key.resource, fresh);
    if (is_service) {
      lab.services().create(key, std::move(fresh));
    } else {
      objects.create(key, std::move(fresh));
    }
    return "created";
  }
  json after = merged(key, *current, wanted);
  const store::ObjectPtr updated =
      is_service ? lab.services().update(key, std::move(after)) : objects.update(key, std::move(after));
  return updated == current ? "unchanged" : "configured";
}

json result_json(const manifest::Object& object, const std::string& action) {
  return {{"kind", object.kind},
          {"apiVersion", object.api_version},
          {"namespace", object.ns},
          {"name", object.name},
          {"action", action}};
}

std::string delete_one(Lab& lab, const store::Key& key, const controllers::DeleteOptions& options) {
  if (lab.objects().find(key) == nullptr) {
    return "notfound";
  }
  controllers::delete_object(lab.objects(), key, options);
  return "deleted";
}

}  // namespace

json apply_manifests(Lab& lab, const ApplyRequest& request) {
  const manifest::Loaded loaded = load_for(lab, request.sources, request.is_strict);
  json diagnostics = json::array(), results = json::array();
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    diagnostics.push_back(to_json(diagnostic));
  }
  // After the snapshot has gone.
  const ScopeExit tell([&lab] { lab.objects().allocations().send_releases(); });
  if (!has_errors(loaded.diagnostics)) {
    store::Store& objects = lab.objects();
    const store::Store::Snapshot before = objects.snapshot();
    try {
      for (const manifest::Object& object : loaded.objects) {
        results.push_back(result_json(object, apply_one(lab, key_of(object), object.json)));
      }
    } catch (...) {
      objects.restore(before);
      throw;
    }
    if (request.is_dry_run) {
      objects.restore(before);
    }
  }
  return {{"diagnostics", std::move(diagnostics)}, {"results", std::move(results)}};
}

std::vector<Diagnostic> check_object(Lab& lab, json& object) {
  manifest::Loaded loaded =
      load_for(lab, {{"<request>", object.dump(-1, ' ', false, json::error_handler_t::replace)}}, false);
  if (!has_errors(loaded.diagnostics) && loaded.objects.size() == 1) {
    const store::Key key = key_of(loaded.objects.front());
    if (lab.objects().find(key) == nullptr) {
      check_room(lab, key);
    }
    // What a manifest may not say, the rest of the object's metadata and its status, stays the client's.
    json checked = std::move(loaded.objects.front().json);
    const json metadata = object.value("metadata", json::object());
    for (const auto& [field, value] : metadata.items()) {
      if (!checked["metadata"].contains(field)) {
        checked["metadata"][field] = value;
      }
    }
    if (object.contains("status")) {
      checked["status"] = object["status"];
    }
    object = std::move(checked);
  }
  return loaded.diagnostics;
}

json delete_objects(Lab& lab, const DeleteRequest& request) {
  controllers::DeleteOptions options;
  options.grace = request.grace;
  json results = json::array();
  if (!request.sources.empty()) {
    const manifest::Loaded loaded = manifest::load(request.sources, load_options(lab, false));
    if (has_errors(loaded.diagnostics)) {
      const auto first = std::find_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                                      [](const Diagnostic& d) { return d.severity == Severity::Error; });
      throw Error(ErrorKind::InvalidInput, to_string(*first));
    }
    for (auto object = loaded.objects.rbegin(); object != loaded.objects.rend(); ++object) {
      results.push_back(result_json(*object, delete_one(lab, key_of(*object), options)));
    }
  }
  for (const api::ResourceRef& ref : request.refs) {
    const store::Key key{std::string(ref.kind->plural), ref.ns, ref.name};
    results.push_back({{"kind", ref.kind->kind},
                       {"apiVersion", ref.kind->api_version},
                       {"namespace", key.ns},
                       {"name", key.name},
                       {"action", delete_one(lab, key, options)}});
  }
  return {{"results", std::move(results)}};
}

}  // namespace labctl::supervisor
