#include "labctl/apiserver/apply.hpp"

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/allocation/service_update.hpp"
#include "labctl/api/diagnostic_json.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/apiserver/last_applied.hpp"
#include "labctl/apiserver/prune.hpp"
#include "labctl/apiserver/resource_rules.hpp"
#include "labctl/apiserver/three_way_merge.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_admission.hpp"
#include "labctl/objects/priority.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/manifest/default_namespace.hpp"
#include "topology/model/pod_capacity.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

manifest::LoadOptions load_options(const LabObjects& lab) {
  manifest::LoadOptions options;
  options.allow_cluster = false;
  options.leaves_out_made = false;
  for (const store::ObjectPtr& ns : lab.store.list("namespaces")) {
    options.known_namespaces.insert(objects::name_of(*ns));
  }
  for (const model::Node& node : lab.cluster.nodes) {
    options.known_nodes.insert(node.name);
  }
  options.known_network = lab.cluster.network;
  options.known_pod_capacity = model::pod_capacity(lab.cluster);
  options.known_host_programs = model::host_programs_of(lab.cluster);
  return options;
}

manifest::LoadOptions load_options_of(const LabObjects& lab, const api::ApplyRequest& request) {
  manifest::LoadOptions options;
  lab.run_on_owner([&] { options = load_options(lab); });
  options.strict = request.is_strict;
  options.keeps_applied = true;
  manifest::ask_for_namespace(options, request.ns);
  return options;
}

// One object of a request, on its way into the store.
struct ObjectChange {
  store::Key key;
  const manifest::Object* wanted = nullptr;  // as the manifest has it
  store::ObjectPtr before;                   // null: it is not there yet
  json after;
  store::ObjectPtr written;
  std::string action;
};

store::Key key_of(const manifest::Object& object) {
  const api::ResourceKind* kind = api::find_kind(object.api_version, object.kind);
  if (kind == nullptr) {
    throw Error(ErrorKind::Unsupported, object.kind + " \"" + object.name + "\": no such kind in this lab");
  }
  return {std::string(kind->plural), object.ns, object.name};
}

// What the store alone writes: a file may still have it from the lab that it was exported from.
void keep_identity(const json& before, json& after) {
  for (const char* name :
       {"uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields"}) {
    if (const json* value = objects::field(before["metadata"], name)) {
      after["metadata"][name] = *value;
    } else {
      after["metadata"].erase(name);
    }
  }
}

// What the object that is there becomes. Throws Error: InvalidInput when it may not.
json merged(const ObjectChange& change, const ObjectCheck& check) {
  const json& before = *change.before;
  if (change.wanted->last_applied.empty()) {
    return before;  // nobody's file asked for it
  }
  json modified = json::parse(change.wanted->last_applied);
  set_last_applied(modified, change.wanted->last_applied);
  json after = three_way_merge(last_applied(before).value_or(json::object()), modified, before,
                               patch_type(change.wanted->api_version, change.wanted->kind));
  keep_identity(before, after);
  keep_what_is_ours(before, after);
  if (change.key.resource == allocation::kServices) {
    allocation::carry_over(before, after);
  }
  if (after != before) {
    check_whole(check, after);
    check_unchanged(change.key.resource, before, after);
  }
  return after;
}

void work_out(ObjectChange& change, const ObjectCheck& check) {
  if (change.before != nullptr) {
    change.after = merged(change, check);
    return;
  }
  change.after = change.wanted->json;
  if (!change.wanted->last_applied.empty()) {
    set_last_applied(change.after, change.wanted->last_applied);
  }
  prepare_new(change.key.resource, change.after);
}

// The changes of one request, all checked before the first is written.
class Application {
 public:
  Application(const LabObjects& lab, const std::vector<manifest::Object>& objects, ObjectCheck check)
      : lab_(lab), check_(std::move(check)), changes_(objects.size()) {
    for (std::size_t i = 0; i < objects.size(); ++i) {
      changes_[i].key = key_of(objects[i]);
      changes_[i].wanted = &objects[i];
    }
    in_turns(lab, changes_.size(),
             [&](std::size_t i) { changes_[i].before = lab.store.find(changes_[i].key); });
    check_room_for_pods();
    lab.run_on_owner([&] { check_priorities(); });
    for (ObjectChange& change : changes_) {
      work_out(change, check_);
    }
  }

  const std::vector<ObjectChange>& changes() const { return changes_; }

  void run(bool is_dry_run) {
    write_first(is_dry_run);
    if (is_dry_run) {
      say_what_would_be();
    } else {
      in_turns(lab_, changes_.size(), [&](std::size_t i) {
        if (!comes_first(changes_[i])) {
          write(changes_[i]);
        }
      });
    }
  }

 private:
  void check_room_for_pods() const {
    const auto is_new_pod = [](const ObjectChange& change) {
      return change.before == nullptr && change.key.resource == "pods";
    };
    const auto first = std::find_if(changes_.begin(), changes_.end(), is_new_pod);
    if (first != changes_.end()) {
      const auto more = static_cast<std::size_t>(std::count_if(first, changes_.end(), is_new_pod));
      lab_.run_on_owner([&] { check_room(lab_, first->key, more); });
    }
  }

  // A pod that is made, of a class that neither the lab nor the request has. On the store's thread.
  void check_priorities() const {
    for (const ObjectChange& change : changes_) {
      if (change.key.resource != "pods" || change.before != nullptr) {
        continue;
      }
      const std::string& name = objects::text_at(change.wanted->json, "spec.priorityClassName");
      const bool is_here = std::any_of(changes_.begin(), changes_.end(), [&](const ObjectChange& other) {
        return other.key.resource == "priorityclasses" && other.key.name == name;
      });
      if (!is_here) {
        json pod = change.wanted->json;
        objects::admit_priority(lab_.store, pod);
      }
    }
  }

  // On the store's thread.
  void write(ObjectChange& change) const {
    store::Store& objects = lab_.store;
    const store::ObjectPtr present = objects.find(change.key);
    if (present != change.before) {
      change.before = present;  // it has changed since
      work_out(change, check_);
    }
    const bool is_service = change.key.resource == allocation::kServices;
    if (present == nullptr) {
      if (change.key.resource == "pods") {
        labctl::objects::admit_new_pod(objects, change.after);
      }
      change.written = is_service ? lab_.services.create(change.key, std::move(change.after))
                                  : objects.create(change.key, std::move(change.after));
    } else {
      change.written = is_service ? lab_.services.update(change.key, std::move(change.after))
                                  : objects.update(change.key, std::move(change.after));
    }
    change.action = present == nullptr ? "created" : change.written == present ? "unchanged" : "configured";
  }

  // What can still be refused when everything has been worked out is what Services ask for, and it depends on
  // all of them: they are written first, in one turn, all or none, after the namespaces they may stand in.
  static bool comes_first(const ObjectChange& change) {
    return is_ground(change) || change.key.resource == allocation::kServices;
  }

  // What others are checked against: namespaces, and the classes that rank pods.
  static bool is_ground(const ObjectChange& change) {
    return change.key.resource == "namespaces" || change.key.resource == "priorityclasses";
  }

  void write_first(bool is_dry_run) {
    if (std::none_of(changes_.begin(), changes_.end(), comes_first)) {
      return;
    }
    lab_.run_on_owner([&] {
      store::Store& objects = lab_.store;
      // After the snapshot has gone.
      const ScopeExit tell([&] { objects.allocations().send_releases(); });
      const store::Store::Snapshot before = objects.snapshot();
      try {
        for (const bool goes_before : {true, false}) {
          for (ObjectChange& change : changes_) {
            if (comes_first(change) && is_ground(change) == goes_before) {
              write(change);
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

  void say_what_would_be() {
    for (ObjectChange& change : changes_) {
      if (!comes_first(change)) {
        change.action = change.before == nullptr         ? "created"
                        : change.after == *change.before ? "unchanged"
                                                         : "configured";
        change.written = std::make_shared<const json>(std::move(change.after));
      }
    }
  }

  const LabObjects& lab_;
  const ObjectCheck check_;
  std::vector<ObjectChange> changes_;
};

json result_json(const ObjectChange& change, bool is_dry_run) {
  json result{{"kind", change.wanted->kind},
              {"apiVersion", change.wanted->api_version},
              {"namespace", change.wanted->ns},
              {"name", change.wanted->name},
              {"action", change.action}};
  if (is_dry_run && change.action != "unchanged") {
    result["live"] = change.before == nullptr ? json() : *change.before;
    result["merged"] = *change.written;
  }
  return result;
}

// Objects that somebody made without apply; the first apply notes what it wanted.
void warn_of_first_applies(const std::vector<ObjectChange>& changes, std::vector<Diagnostic>& diagnostics) {
  for (const ObjectChange& change : changes) {
    if (change.before != nullptr && !has_last_applied(*change.before)) {
      diagnostics.push_back({Severity::Warning, change.wanted->where, "",
                             no_last_applied_warning(change.key.resource + "/" + change.key.name), ""});
    }
  }
}

void keep_selected(std::vector<manifest::Object>& objects, const std::string& selector) {
  if (!selector.empty()) {
    const model::LabelSelector wanted = store::parse_label_selector(selector);
    std::erase_if(objects, [&](const manifest::Object& one) { return !store::matches(wanted, one.json); });
  }
}

void prune(const LabObjects& lab, const api::ApplyRequest& request, const std::vector<ObjectChange>& changes,
           json& results) {
  std::set<store::Key> applied;
  for (const ObjectChange& change : changes) {
    applied.insert(change.key);
  }
  const std::vector<Pruned> doomed = objects_to_prune(lab, request, applied);
  for (const Pruned& one : doomed) {
    check_deletable(one.key);
  }
  std::vector<store::ObjectPtr> before(doomed.size());
  in_turns(lab, doomed.size(), [&](std::size_t i) {
    before[i] = lab.store.find(doomed[i].key);
    if (before[i] != nullptr && !request.is_dry_run) {
      objects::delete_object(lab.store, doomed[i].key);
    }
  });
  for (std::size_t i = 0; i < doomed.size(); ++i) {
    if (before[i] == nullptr) {
      continue;  // somebody else was first
    }
    json result{{"kind", doomed[i].kind->kind},
                {"apiVersion", doomed[i].kind->api_version},
                {"namespace", doomed[i].key.ns},
                {"name", doomed[i].key.name},
                {"action", "pruned"}};
    if (request.is_dry_run) {
      result["live"] = *before[i];
      result["merged"] = nullptr;
    }
    results.push_back(std::move(result));
  }
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
  check_prune(request);
  manifest::LoadOptions options = load_options_of(lab, request);
  manifest::Loaded loaded = manifest::load(request.sources, options);
  json results = json::array();
  if (!has_errors(loaded.diagnostics)) {
    keep_selected(loaded.objects, request.selector);
    manifest::add_missing_namespace(loaded, options);
    for (const manifest::Object& object : loaded.objects) {
      if (object.kind == "Namespace") {
        options.known_namespaces.insert(object.name);
      }
    }
    options.ns = "default";
    options.is_namespace_fixed = options.keeps_applied = options.strict = false;
    Application application(lab, loaded.objects, check_as_manifest(options));
    warn_of_first_applies(application.changes(), loaded.diagnostics);
    application.run(request.is_dry_run);
    for (const ObjectChange& change : application.changes()) {
      results.push_back(result_json(change, request.is_dry_run));
    }
    if (request.prune) {
      prune(lab, request, application.changes(), results);
    }
  }
  return {{"diagnostics", api::to_json(loaded.diagnostics)}, {"results", std::move(results)}};
}

ObjectCheck object_check(const LabObjects& lab) { return check_as_manifest(load_options(lab)); }

}  // namespace labctl::apiserver
