#include "labctl/apiserver/apply.hpp"

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/allocation/service_update.hpp"
#include "labctl/api/diagnostic_json.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/apiserver/resource_rules.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/model/pod_capacity.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

// Objects that one turn of the main loop writes. Everybody else has a turn after each.
constexpr std::size_t kObjectsATurn = 200;

// Calls `work` on the main loop for 0 to `count` - 1, so many a turn.
void in_turns(const LabObjects& lab, std::size_t count, const std::function<void(std::size_t)>& work) {
  for (std::size_t first = 0; first < count; first += kObjectsATurn) {
    lab.run_on_owner([&] {
      for (std::size_t i = first; i < std::min(count, first + kObjectsATurn); ++i) {
        work(i);
      }
    });
  }
}

manifest::LoadOptions load_options(const LabObjects& lab, bool strict) {
  manifest::LoadOptions options;
  options.strict = strict;
  options.allow_cluster = false;
  for (const store::ObjectPtr& ns : lab.store.list("namespaces")) {
    options.known_namespaces.insert(objects::name_of(*ns));
  }
  for (const model::Node& node : lab.cluster.nodes) {
    options.known_nodes.insert(node.name);
  }
  options.known_network = lab.cluster.network;
  options.known_pod_capacity = model::pod_capacity(lab.cluster);
  return options;
}

manifest::LoadOptions load_options_now(const LabObjects& lab, bool strict) {
  manifest::LoadOptions options;
  lab.run_on_owner([&] { options = load_options(lab, strict); });
  return options;
}

store::Key key_of(const manifest::Object& object) {
  const api::ResourceKind* kind = api::find_kind(object.api_version, object.kind);
  if (kind == nullptr) {
    throw Error(ErrorKind::Unsupported, object.kind + " \"" + object.name + "\": no such kind in this lab");
  }
  return {std::string(kind->plural), object.ns, object.name};
}

// What the object becomes: metadata that users own and the spec from the manifest, all else
// as it is. A pod's spec also has what the scheduler decided, so only what the manifest
// names is compared and nothing may change.
json merged(const store::Key& key, const json& current, const json& wanted) {
  json object = current;
  for (const char* field : {"labels", "annotations"}) {
    const json::json_pointer pointer = json::json_pointer("/metadata") / field;
    if (wanted.contains(pointer)) {
      object[pointer] = wanted[pointer];
    }
  }
  if (!current.contains("spec") && key.resource != "namespaces") {
    json whole = wanted;  // it has no spec: all that is not metadata is the manifest's
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
  if (key.resource == "persistentvolumeclaims" || key.resource == "persistentvolumes") {
    object["spec"].merge_patch(wanted["spec"]);  // what it is bound to is the control loop's
    check_unchanged(key.resource, current, object);
    return object;
  }
  const json::json_pointer selector("/spec/selector");
  if (key.resource != allocation::kServices && current.contains(selector) && wanted.contains(selector) &&
      current[selector] != wanted[selector]) {
    throw Error(ErrorKind::InvalidInput, to_string(key) + ": spec.selector: may not be changed",
                "delete the object and apply it again");
  }
  object["spec"] = wanted["spec"];
  if (key.resource == allocation::kServices) {
    allocation::carry_over_applied(current, object);
  }
  return object;
}

// One object of a request, on its way into the store.
struct ObjectChange {
  store::Key key;
  const json* wanted = nullptr;  // as the manifest has it
  store::ObjectPtr before;       // null: it is not there yet
  json after;
  std::string action;
};

// Throws Error: InvalidInput when the object that is there may not become what is wanted.
void work_out(ObjectChange& change) {
  if (change.before != nullptr) {
    change.after = merged(change.key, *change.before, *change.wanted);
  } else {
    change.after = *change.wanted;
    prepare_new(change.key.resource, change.after);
  }
}

void write(const LabObjects& lab, ObjectChange& change) {
  store::Store& objects = lab.store;
  const store::ObjectPtr present = objects.find(change.key);
  if (present != change.before) {
    change.before = present;  // it has changed since
    work_out(change);
  }
  const bool is_service = change.key.resource == allocation::kServices;
  store::ObjectPtr written;
  if (present == nullptr) {
    written = is_service ? lab.services.create(change.key, std::move(change.after))
                         : objects.create(change.key, std::move(change.after));
  } else {
    written = is_service ? lab.services.update(change.key, std::move(change.after))
                         : objects.update(change.key, std::move(change.after));
  }
  change.action = present == nullptr ? "created" : written == present ? "unchanged" : "configured";
}

// What can still be refused when everything has been worked out is what Services ask for, and it depends on
// all of them: they are written first, in one turn, all or none, after the namespaces they may stand in.
bool comes_first(const ObjectChange& change) {
  return change.key.resource == "namespaces" || change.key.resource == allocation::kServices;
}

void write_first(const LabObjects& lab, std::vector<ObjectChange>& changes, bool is_dry_run) {
  if (std::none_of(changes.begin(), changes.end(), comes_first)) {
    return;
  }
  lab.run_on_owner([&] {
    store::Store& objects = lab.store;
    // After the snapshot has gone.
    const ScopeExit tell([&] { objects.allocations().send_releases(); });
    const store::Store::Snapshot before = objects.snapshot();
    try {
      for (const bool is_namespace : {true, false}) {
        for (ObjectChange& change : changes) {
          if (comes_first(change) && (change.key.resource == "namespaces") == is_namespace) {
            write(lab, change);
          }
        }
      }
    } catch (...) {
      objects.restore(before);
      throw;
    }
    if (is_dry_run) {
      objects.restore(before);
    }
  });
}

void write_rest(const LabObjects& lab, std::vector<ObjectChange>& changes) {
  in_turns(lab, changes.size(), [&](std::size_t i) {
    if (!comes_first(changes[i])) {
      write(lab, changes[i]);
    }
  });
}

void say_what_would_be(std::vector<ObjectChange>& changes) {
  for (ObjectChange& change : changes) {
    if (!comes_first(change)) {
      change.action = change.before == nullptr         ? "created"
                      : change.after == *change.before ? "unchanged"
                                                       : "configured";
    }
  }
}

std::vector<ObjectChange> changes_of(const LabObjects& lab, const std::vector<manifest::Object>& objects) {
  std::vector<ObjectChange> changes(objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    changes[i].key = key_of(objects[i]);
    changes[i].wanted = &objects[i].json;
  }
  in_turns(lab, changes.size(), [&](std::size_t i) { changes[i].before = lab.store.find(changes[i].key); });
  const auto is_new_pod = [](const ObjectChange& change) {
    return change.before == nullptr && change.key.resource == "pods";
  };
  if (const auto first = std::find_if(changes.begin(), changes.end(), is_new_pod); first != changes.end()) {
    const auto more = static_cast<std::size_t>(std::count_if(first, changes.end(), is_new_pod));
    lab.run_on_owner([&] { check_room(lab, first->key, more); });
  }
  for (ObjectChange& change : changes) {
    work_out(change);
  }
  return changes;
}

json result_json(const manifest::Object& object, const std::string& action) {
  return {{"kind", object.kind},
          {"apiVersion", object.api_version},
          {"namespace", object.ns},
          {"name", object.name},
          {"action", action}};
}

std::string delete_one(const LabObjects& lab, const store::Key& key, const objects::DeleteOptions& options) {
  if (lab.store.find(key) == nullptr) {
    return "notfound";
  }
  objects::delete_object(lab.store, key, options);
  return "deleted";
}

}  // namespace

void check_room(const LabObjects& lab, const store::Key& key, std::size_t more) {
  if (key.resource == "pods" && lab.store.count("pods") + more > model::kPodsPerLab) {
    throw Error(ErrorKind::InvalidInput, "pods \"" + key.name +
                                             "\" is forbidden: exceeded: a lab has at most " +
                                             std::to_string(model::kPodsPerLab) + " pods");
  }
}

json apply_manifests(const LabObjects& lab, const api::ApplyRequest& request) {
  const manifest::Loaded loaded = manifest::load(request.sources, load_options_now(lab, request.is_strict));
  json diagnostics = api::to_json(loaded.diagnostics), results = json::array();
  if (!has_errors(loaded.diagnostics)) {
    std::vector<ObjectChange> changes = changes_of(lab, loaded.objects);
    write_first(lab, changes, request.is_dry_run);
    if (request.is_dry_run) {
      say_what_would_be(changes);
    } else {
      write_rest(lab, changes);
    }
    for (std::size_t i = 0; i < changes.size(); ++i) {
      results.push_back(result_json(loaded.objects[i], changes[i].action));
    }
  }
  return {{"diagnostics", std::move(diagnostics)}, {"results", std::move(results)}};
}

ObjectCheck object_check(const LabObjects& lab) { return check_as_manifest(load_options(lab, false)); }

json delete_objects(const LabObjects& lab, const api::DeleteRequest& request) {
  objects::DeleteOptions options;
  options.grace = request.grace;
  std::vector<std::pair<store::Key, json>> wanted;  // and what is answered
  std::vector<Diagnostic> left_out;
  if (!request.sources.empty()) {
    const manifest::Loaded loaded = manifest::load(request.sources, load_options_now(lab, false));
    if (has_errors(loaded.diagnostics)) {
      const auto first = std::find_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                                      [](const Diagnostic& d) { return d.severity == Severity::Error; });
      throw Error(ErrorKind::InvalidInput, to_string(*first));
    }
    std::copy_if(loaded.diagnostics.begin(), loaded.diagnostics.end(), std::back_inserter(left_out),
                 [](const Diagnostic& d) { return d.topic == Topic::LeftOut; });
    for (auto object = loaded.objects.rbegin(); object != loaded.objects.rend(); ++object) {
      wanted.emplace_back(key_of(*object), result_json(*object, ""));
    }
  }
  for (const api::ResourceRef& ref : request.refs) {
    const store::Key key{std::string(ref.kind->plural), ref.ns, ref.name};
    wanted.emplace_back(key, json{{"kind", ref.kind->kind},
                                  {"apiVersion", ref.kind->api_version},
                                  {"namespace", key.ns},
                                  {"name", key.name}});
  }
  in_turns(lab, wanted.size(),
           [&](std::size_t i) { wanted[i].second["action"] = delete_one(lab, wanted[i].first, options); });
  json results = json::array();
  for (auto& [key, result] : wanted) {
    results.push_back(std::move(result));
  }
  return {{"diagnostics", api::to_json(left_out)}, {"results", std::move(results)}};
}

}  // namespace labctl::apiserver
