#include "labctl/controllers/workloads/stateful_set.hpp"

#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "labctl/objects/pod_admission.hpp"
#include "labctl/store/selectors.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::is_being_deleted;
using objects::name_of;
using objects::number_at;
using objects::phase_of;
using objects::record;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

constexpr std::string_view kStatefulSetComponent = "statefulset-controller";
const std::string kPodName = "statefulset.kubernetes.io/pod-name";

// What one sync works on.
struct Set {
  Work& work;
  Key key;
  const json& object;
  std::int64_t first = 0;  // the lowest ordinal
  std::int64_t replicas = 1;
  std::int64_t min_ready_seconds = 0;
  bool is_ordered = true;
  Revision update;                         // of the present template
  std::string current_name;                // of the template that partitioned pods keep
  std::map<std::int64_t, ObjectPtr> pods;  // by ordinal
  bool did_something = false;

  std::int64_t end() const { return first + replicas; }
};

// The ordinal in "<set>-<ordinal>"; nothing for another name.
std::optional<std::int64_t> ordinal_of(const std::string& set, const std::string& pod) {
  const std::string prefix = set + "-";
  if (!pod.starts_with(prefix) || pod.size() == prefix.size()) {
    return std::nullopt;
  }
  std::int64_t ordinal = 0;
  const char* last = pod.data() + pod.size();
  const auto [end, error] = std::from_chars(pod.data() + prefix.size(), last, ordinal);
  const bool is_canonical = error == std::errc{} && end == last && pod == prefix + std::to_string(ordinal);
  return is_canonical && ordinal >= 0 ? std::optional(ordinal) : std::nullopt;
}

bool is_updated(const Set& set, const json& pod) {
  return store::labels_of(pod)[kRevisionHash] == set.update.name;
}

bool is_healthy(Set& set, const json& pod) {
  return !is_being_deleted(pod) && phase_of(pod) == "Running" &&
         is_available(set.work, pod, set.min_ready_seconds);
}

// During a rollout the pods below the partition are made of the template they had.
const std::string& revision_for(const Set& set, std::int64_t ordinal) {
  const std::int64_t partition = number_at(set.object, "spec.updateStrategy.rollingUpdate.partition", 0);
  const bool is_rolling = text_at(set.object, "spec.updateStrategy.type") != "OnDelete";
  const bool keeps = is_rolling && ordinal < partition && !set.current_name.empty();
  return keeps ? set.current_name : set.update.name;
}

// What an API server says of a pod whose name the set has made too long; empty: nothing.
std::string refusal_of(const json& pod, const std::string& name) {
  const json& labels = pod.at("metadata").at("labels");
  std::string complaints;
  int count = 0;
  for (const std::string& complaint :
       {objects::too_long("metadata.labels", text_at(labels, kRevisionHash), objects::kLabelMax),
        objects::too_long("metadata.labels", labels.at(kPodName).get<std::string>(), objects::kLabelMax),
        objects::too_long("spec.hostname", text_at(pod, "spec.hostname"), objects::kLabelMax)}) {
    if (!complaint.empty()) {
      complaints += (count++ == 0 ? "" : ", ") + complaint;
    }
  }
  if (count == 0) {
    return {};
  }
  return "Pod \"" + name + "\" is invalid: " + (count == 1 ? complaints : "[" + complaints + "]");
}

// A claim goes with whoever uses it, which need not be a pod of the set.
constexpr std::chrono::seconds kLookForClaimEvery{5};

void tell_failure(Set& set, const std::string& pod, const std::string& why) {
  record(set.work.store, set.object, objects::EventType::Warning, "FailedCreate",
         "create Pod " + pod + " in StatefulSet " + set.key.name + " failed error: " + why,
         kStatefulSetComponent);
}

// The claim of the pod that is deleted, but used still; empty: none is.
std::string claim_on_its_way(const Set& set, const std::string& pod_name) {
  for (const json& claim_template : objects::list_at(set.object, "spec.volumeClaimTemplates")) {
    const std::string claim = name_of(claim_template) + "-" + pod_name;
    const ObjectPtr present = set.work.store.find({"persistentvolumeclaims", set.key.ns, claim});
    if (present != nullptr && is_being_deleted(*present)) {
      return claim;
    }
  }
  return {};
}

// A claim for each volumeClaimTemplate, which outlives the pod, and a volume of the template's name with it.
void add_claims(Set& set, json& pod, const std::string& pod_name) {
  for (const json& claim_template : objects::list_at(set.object, "spec.volumeClaimTemplates")) {
    const std::string& volume = name_of(claim_template);
    const std::string claim = volume + "-" + pod_name;
    const Key key{"persistentvolumeclaims", set.key.ns, claim};
    if (set.work.store.find(key) == nullptr) {
      json object = claim_template;
      object["apiVersion"] = "v1";
      object["kind"] = "PersistentVolumeClaim";
      object["metadata"]["name"] = claim;
      object["metadata"]["namespace"] = set.key.ns;
      if (const json* labels = field(set.object, "spec.selector.matchLabels")) {
        object["metadata"]["labels"].update(*labels);
      }
      object["spec"].emplace("volumeMode", "Filesystem");
      object["status"] = {{"phase", "Pending"}};
      set.work.store.create(key, std::move(object));
      record(set.work.store, set.object, objects::EventType::Normal, "SuccessfulCreate",
             "create Claim " + claim + " Pod " + pod_name + " in StatefulSet " + set.key.name + " success",
             kStatefulSetComponent);
    }
    json& volumes = pod["spec"]["volumes"];
    if (!volumes.is_array()) {
      volumes = json::array();
    }
    volumes.erase(std::remove_if(volumes.begin(), volumes.end(),
                                 [&](const json& one) { return text_at(one, "name") == volume; }),
                  volumes.end());
    volumes.push_back({{"name", volume}, {"persistentVolumeClaim", {{"claimName", claim}}}});
  }
}

// False when no pod of the set can be made.
bool make_pod(Set& set, std::int64_t ordinal) {
  const std::string& revision = revision_for(set, ordinal);
  json pod_template = template_of_revision(set.work, set.object, revision);
  if (pod_template.is_null()) {
    pod_template = *field(set.object, "spec.template");
  }
  json pod = pod_from_template(set.object, pod_template);
  const std::string name = set.key.name + "-" + std::to_string(ordinal);
  json& labels = pod["metadata"]["labels"];
  labels[kPodName] = name;
  labels["apps.kubernetes.io/pod-index"] = std::to_string(ordinal);
  labels[kRevisionHash] = revision;
  pod["spec"]["hostname"] = name;
  objects::fill_in_new_pod(set.work.store, pod);
  if (const std::string& service = text_at(set.object, "spec.serviceName"); !service.empty()) {
    pod["spec"]["subdomain"] = service;
  }
  const Key key{"pods", set.key.ns, name};
  if (set.work.store.find(key) != nullptr) {
    // Somebody else's pod has the name: wait until it goes, as Kubernetes does.
    tell_failure(set, name, "pods \"" + name + "\" already exists");
    return true;
  }
  if (const std::string why = refusal_of(pod, name); !why.empty()) {
    tell_failure(set, name, why);
    return false;
  }
  if (const std::string claim = claim_on_its_way(set, name); !claim.empty()) {
    tell_failure(set, name, "failed to create PVC " + claim + ": pvc " + claim + " is being deleted");
    set.work.look_again_at(set.work.now + kLookForClaimEvery);
    return false;
  }
  add_claims(set, pod, name);
  set.work.store.create(key, std::move(pod));
  set.did_something = true;
  record(set.work.store, set.object, objects::EventType::Normal, "SuccessfulCreate",
         "create Pod " + name + " in StatefulSet " + set.key.name + " successful", kStatefulSetComponent);
  return true;
}

void delete_pod(Set& set, const json& pod) {
  // An earlier step of this sync may have done it: a pod without a place goes at once.
  const ObjectPtr present = set.work.store.find(key_in("pods", pod));
  if (present == nullptr || is_being_deleted(*present)) {
    return;
  }
  objects::delete_object(set.work.store, key_in("pods", pod));
  set.did_something = true;
  record(set.work.store, set.object, objects::EventType::Normal, "SuccessfulDelete",
         "delete Pod " + name_of(pod) + " in StatefulSet " + set.key.name + " successful",
         kStatefulSetComponent);
}

// Makes what is missing, in order. False when an ordered set has to wait for a pod.
bool fill_up(Set& set) {
  std::size_t made = 0;
  for (std::int64_t ordinal = set.first; ordinal < set.end(); ++ordinal) {
    const auto found = set.pods.find(ordinal);
    if (found == set.pods.end()) {
      if (set.work.is_enough(made++)) {
        set.did_something = true;
        return false;
      }
      if (!may_make_pod(set.work, set.object, kStatefulSetComponent)) {
        return false;
      }
      if (!make_pod(set, ordinal) || set.is_ordered) {
        return false;
      }
      continue;
    }
    const json& pod = *found->second;
    if (objects::is_finished(pod) && !is_being_deleted(pod)) {
      delete_pod(set, pod);  // made again when it has gone
      if (set.is_ordered) {
        return false;
      }
    } else if (set.is_ordered && !is_healthy(set, pod)) {
      return false;
    }
  }
  return true;
}

// Deletes what is too much, highest ordinal first. False when an ordered set has to wait for one to go.
bool scale_down(Set& set) {
  std::vector<ObjectPtr> condemned;
  for (const auto& [ordinal, pod] : set.pods) {
    if (ordinal < set.first || ordinal >= set.end()) {
      condemned.push_back(pod);
    }
  }
  std::reverse(condemned.begin(), condemned.end());
  std::size_t deleted = 0;
  for (const ObjectPtr& pod : condemned) {
    if (!is_being_deleted(*pod)) {
      if (set.work.is_enough(deleted++)) {
        return false;
      }
      delete_pod(set, *pod);
    }
    if (set.is_ordered) {
      return false;
    }
  }
  return true;
}

// Replaces one pod of an older template, highest ordinal first, unless one above it is still on its way.
void roll(Set& set) {
  const std::string& strategy = text_at(set.object, "spec.updateStrategy.type");
  if (strategy == "OnDelete") {
    return;
  }
  const std::int64_t partition = number_at(set.object, "spec.updateStrategy.rollingUpdate.partition", 0);
  for (std::int64_t ordinal = set.end() - 1; ordinal >= std::max(set.first, partition); --ordinal) {
    const auto found = set.pods.find(ordinal);
    if (found == set.pods.end()) {
      return;
    }
    if (!is_updated(set, *found->second) && !is_being_deleted(*found->second)) {
      delete_pod(set, *found->second);
      return;
    }
    if (!is_healthy(set, *found->second)) {
      return;
    }
  }
}

json status_of(Set& set) {
  std::int64_t replicas = 0, ready = 0, available = 0, current = 0, updated = 0;
  for (const auto& [ordinal, pod] : set.pods) {
    ++replicas;
    const bool runs = phase_of(*pod) == "Running";
    ready += runs && objects::is_ready(*pod) ? 1 : 0;
    available += runs && is_available(set.work, *pod, set.min_ready_seconds) ? 1 : 0;
    if (is_being_deleted(*pod)) {
      continue;
    }
    const std::string revision = store::labels_of(*pod)[kRevisionHash];
    current += revision == set.current_name ? 1 : 0;
    updated += revision == set.update.name ? 1 : 0;
  }
  // All replaced and up: the update is the current revision.
  if (updated == set.replicas && ready == set.replicas && replicas == set.replicas) {
    set.current_name = set.update.name;
    current = updated;
  }
  return {{"observedGeneration", number_at(set.object, "metadata.generation", 1)},
          {"replicas", replicas},
          {"readyReplicas", ready},
          {"availableReplicas", available},
          {"currentReplicas", current},
          {"updatedReplicas", updated},
          {"currentRevision", set.current_name},
          {"updateRevision", set.update.name}};
}

}  // namespace

void sync_stateful_set(Work& work, const Key& key) {
  const ObjectPtr object = work.store.find(key);
  if (object == nullptr || is_being_deleted(*object) || field(*object, "spec.template") == nullptr) {
    return;
  }
  Set set{work, key, *object, 0, 1, 0, true, {}, {}, {}, false};
  set.first = std::max<std::int64_t>(number_at(*object, "spec.ordinals.start", 0), 0);
  set.replicas = std::max<std::int64_t>(number_at(*object, "spec.replicas", 1), 0);
  set.min_ready_seconds = number_at(*object, "spec.minReadySeconds", 0);
  set.is_ordered = text_at(*object, "spec.podManagementPolicy") != "Parallel";
  set.update = current_revision(work, *object);
  const std::string& reported = text_at(*object, "status.currentRevision");
  set.current_name = reported.empty() ? set.update.name : reported;

  const json* selector = field(*object, "spec.selector");
  const auto is_named_so = [&](const json& pod) { return ordinal_of(key.name, name_of(pod)).has_value(); };
  for (ObjectPtr& pod :
       claim_owned(work, *object, "pods", store::selector_from_json(selector == nullptr ? json() : *selector),
                   is_named_so)) {
    if (const auto ordinal = ordinal_of(key.name, name_of(*pod))) {
      set.pods.emplace(*ordinal, std::move(pod));
    }
  }
  if (fill_up(set) && scale_down(set)) {
    roll(set);
  }
  // What was made or deleted brings the set here again, and then the status is right.
  if (!set.did_something) {
    write_status(work, key, status_of(set));
    prune_revisions(work, *object, {set.current_name, set.update.name});
  }
}

}  // namespace labctl::controllers
