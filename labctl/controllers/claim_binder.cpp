#include "labctl/controllers/claim_binder.hpp"

#include "labctl/objects/contain.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/base/quantity.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::list_at;
using objects::text_at;
using store::Change;
using store::ChangeType;
using store::Key;
using store::ObjectPtr;

constexpr std::string_view kBinder = "persistentvolume-controller";
constexpr const char* kDefaultClassAnnotation = "storageclass.kubernetes.io/is-default-class";
const std::string kClaims = "persistentvolumeclaims";
const std::string kVolumes = "persistentvolumes";

Key key_of_volume(const std::string& name) { return {kVolumes, "", name}; }

// The text of a quantity: numbers are quantities too.
std::string amount_at(const json& object, std::string_view path) {
  const json* value = field(object, path);
  return value == nullptr ? "" : value->is_string() ? value->get<std::string>() : value->dump();
}

std::int64_t bytes_at(const json& object, std::string_view path) {
  return parse_quantity(amount_at(object, path)).value_or(0);
}

bool is_for(const json& volume, const json& claim) {
  return text_at(volume, "spec.claimRef.name") == objects::name_of(claim) &&
         text_at(volume, "spec.claimRef.namespace") == objects::namespace_of(claim) &&
         (text_at(volume, "spec.claimRef.uid").empty() ||
          text_at(volume, "spec.claimRef.uid") == objects::uid_of(claim));
}

bool has_modes(const json& volume, const json& claim) {
  const json& has = list_at(volume, "spec.accessModes");
  const json& wants = list_at(claim, "spec.accessModes");
  return std::all_of(wants.begin(), wants.end(),
                     [&](const json& mode) { return std::find(has.begin(), has.end(), mode) != has.end(); });
}

bool has_labels(const json& volume, const json& claim) {
  const json* selector = field(claim, "spec.selector");
  return selector == nullptr || store::matches(store::selector_from_json(*selector), volume);
}

bool is_free(const json& volume) {
  return field(volume, "spec.claimRef") == nullptr && !objects::is_being_deleted(volume);
}

bool has_ephemeral_volume(const json& pod) {
  const json& volumes = list_at(pod, "spec.volumes");
  return std::any_of(volumes.begin(), volumes.end(),
                     [](const json& volume) { return field(volume, "ephemeral") != nullptr; });
}

// The names of the claims that a pod's volumes are.
std::vector<std::string> claims_of(const json& pod) {
  std::vector<std::string> names;
  for (const json& volume : list_at(pod, "spec.volumes")) {
    if (const std::string& name = text_at(volume, "persistentVolumeClaim.claimName"); !name.empty()) {
      names.push_back(name);
    } else if (field(volume, "ephemeral") != nullptr) {
      names.push_back(objects::name_of(pod) + "-" + text_at(volume, "name"));
    }
  }
  return names;
}

// A pod without a node will not start with a claim that is being deleted; one that has ended uses it still.
bool is_used(const store::Store& store, const Key& claim) {
  const std::vector<ObjectPtr> pods = store.list("pods", claim.ns);
  return std::any_of(pods.begin(), pods.end(), [&](const ObjectPtr& pod) {
    const std::vector<std::string> names = claims_of(*pod);
    return !text_at(*pod, "spec.nodeName").empty() &&
           std::find(names.begin(), names.end(), claim.name) != names.end();
  });
}

// The name of the class for claims that name none; "" without one. Of several the newest, as Kubernetes has it.
std::string default_class(const store::Store& store) {
  const json* newest = nullptr;
  for (const ObjectPtr& one : store.list("storageclasses")) {
    const json* annotations = field(*one, "metadata.annotations");
    if (annotations == nullptr || annotations->value(kDefaultClassAnnotation, "") != "true") {
      continue;
    }
    if (newest == nullptr ||
        text_at(*newest, "metadata.creationTimestamp") < text_at(*one, "metadata.creationTimestamp")) {
      newest = one.get();
    }
  }
  return newest == nullptr ? "" : objects::name_of(*newest);
}

}  // namespace

json lab_storage_class() {
  return {{"apiVersion", "storage.k8s.io/v1"},
          {"kind", "StorageClass"},
          {"metadata", {{"name", kLabStorageClass}, {"annotations", {{kDefaultClassAnnotation, "true"}}}}},
          {"provisioner", kLabProvisioner},
          {"reclaimPolicy", "Delete"},
          {"volumeBindingMode", "Immediate"},
          {"allowVolumeExpansion", true}};
}

ClaimBinder::ClaimBinder(store::Store& store) : store_(store) {
  retry();
  subscription_ = store.on_change([this](const Change& change) { note(change); });
}

void ClaimBinder::retry() {
  failed_.clear();
  for (const ObjectPtr& claim : store_.list(kClaims)) {
    claims_.insert({kClaims, objects::namespace_of(*claim), objects::name_of(*claim)});
  }
  for (const ObjectPtr& volume : store_.list(kVolumes)) {
    volumes_.insert(key_of_volume(objects::name_of(*volume)));
  }
  for (const ObjectPtr& pod : store_.list("pods")) {
    if (has_ephemeral_volume(*pod)) {
      pods_.insert({"pods", objects::namespace_of(*pod), objects::name_of(*pod)});
    }
  }
}

void ClaimBinder::note(const Change& change) {
  const std::string& resource = change.key.resource;
  if (resource == kClaims) {
    if (change.type != ChangeType::Deleted) {
      claims_.insert(change.key);
    } else if (const std::string& volume = text_at(*change.object, "spec.volumeName"); !volume.empty()) {
      volumes_.insert(key_of_volume(volume));
    }
    return;
  }
  if (resource == "pods") {
    if (change.type == ChangeType::Deleted) {
      for (const std::string& name : claims_of(*change.object)) {
        claims_.insert({kClaims, change.key.ns, name});
      }
    }
    if (change.type == ChangeType::Added && has_ephemeral_volume(*change.object)) {
      pods_.insert(change.key);
    }
    return;
  }
  const bool is_volume = resource == kVolumes;
  if (is_volume && change.type != ChangeType::Deleted) {
    volumes_.insert(change.key);
  }
  if ((is_volume || resource == "storageclasses") && change.type == ChangeType::Added) {
    for (const ObjectPtr& claim : store_.list(kClaims)) {
      if (text_at(*claim, "status.phase") != "Bound") {
        claims_.insert({kClaims, objects::namespace_of(*claim), objects::name_of(*claim)});
      }
    }
  }
}

bool ClaimBinder::run() {
  // Volumes first: what is released or prepared for a claim decides which one the claim gets.
  for (const Key& key : std::exchange(volumes_, {})) {
    if (!objects::contain(store_, key, "FailedSync", kBinder, [&] { sync_volume(key); })) {
      failed_.insert(key);
    }
  }
  for (const Key& key : std::exchange(pods_, {})) {
    if (!objects::contain(store_, key, "FailedSync", kBinder, [&] { sync_pod(key); })) {
      failed_.insert(key);
    }
  }
  for (const Key& key : std::exchange(claims_, {})) {
    if (!objects::contain(store_, key, "FailedSync", kBinder, [&] { sync_claim(key); })) {
      failed_.insert(key);
    }
  }
  return failed_.empty();
}

void ClaimBinder::sync_pod(const Key& key) {
  const ObjectPtr pod = store_.find(key);
  if (pod == nullptr || objects::is_being_deleted(*pod)) {
    return;
  }
  for (const json& volume : list_at(*pod, "spec.volumes")) {
    const json* claim_template = field(volume, "ephemeral.volumeClaimTemplate");
    const std::string name = key.name + "-" + text_at(volume, "name");
    const Key claim_key{kClaims, key.ns, name};
    if (claim_template == nullptr || store_.find(claim_key) != nullptr) {
      continue;
    }
    json claim = *claim_template;
    claim["apiVersion"] = "v1";
    claim["kind"] = "PersistentVolumeClaim";
    claim["metadata"]["name"] = name;
    claim["metadata"]["namespace"] = key.ns;
    claim["metadata"]["ownerReferences"] = json::array({objects::owner_reference(*pod)});
    claim["spec"].emplace("volumeMode", "Filesystem");
    claim["status"] = {{"phase", "Pending"}};
    store_.create(claim_key, std::move(claim));
  }
}

void ClaimBinder::sync_volume(const Key& key) {
  const ObjectPtr volume = store_.find(key);
  if (volume == nullptr || field(*volume, "spec.claimRef") == nullptr) {
    return;
  }
  const Key claim_key{kClaims, text_at(*volume, "spec.claimRef.namespace"),
                      text_at(*volume, "spec.claimRef.name")};
  const ObjectPtr claim = store_.find(claim_key);
  const bool is_bound = text_at(*volume, "status.phase") == "Bound";
  if (claim != nullptr && is_for(*volume, *claim)) {
    if (!is_bound) {
      claims_.insert(claim_key);
    }
    return;
  }
  if (!is_bound) {
    return;
  }
  if (text_at(*volume, "spec.persistentVolumeReclaimPolicy") == "Delete") {
    store_.remove(key);
  } else {
    store_.modify(key, [](json& object) { object["status"]["phase"] = "Released"; });
  }
}

ObjectPtr ClaimBinder::fitting_volume(const json& claim, const std::string& storage_class) const {
  ObjectPtr best;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  const std::string& mode = text_at(claim, "spec.volumeMode");
  for (const ObjectPtr& volume : store_.list(kVolumes)) {
    const bool is_meant = is_for(*volume, claim);
    const std::int64_t bytes = bytes_at(*volume, "spec.capacity.storage");
    if ((!is_meant && !is_free(*volume)) || text_at(*volume, "spec.storageClassName") != storage_class ||
        bytes < bytes_at(claim, "spec.resources.requests.storage") || !has_modes(*volume, claim) ||
        !has_labels(*volume, claim) || text_at(*volume, "spec.volumeMode") != mode) {
      continue;
    }
    if (is_meant) {
      return volume;
    }
    if (bytes < least || best == nullptr) {
      least = bytes;
      best = volume;
    }
  }
  return best;
}

ObjectPtr ClaimBinder::provision(const json& claim, const std::string& storage_class) {
  const ObjectPtr its_class = store_.find({"storageclasses", "", storage_class});
  const std::string policy = its_class == nullptr ? "" : text_at(*its_class, "reclaimPolicy");
  const std::string name = "pvc-" + objects::uid_of(claim);
  const json storage = amount_at(claim, "spec.resources.requests.storage");
  const json modes = list_at(claim, "spec.accessModes");
  if (const ObjectPtr present = store_.find(key_of_volume(name))) {
    return present;
  }
  const ObjectPtr volume = store_.create(
      key_of_volume(name),
      {{"apiVersion", "v1"},
       {"kind", "PersistentVolume"},
       {"metadata",
        {{"name", name}, {"annotations", {{"pv.kubernetes.io/provisioned-by", kLabProvisioner}}}}},
       {"spec",
        {{"capacity", {{"storage", storage}}},
         {"accessModes", modes},
         {"volumeMode", text_at(claim, "spec.volumeMode")},
         {"persistentVolumeReclaimPolicy", policy.empty() ? "Delete" : policy},
         {"storageClassName", storage_class},
         {"csi", {{"driver", kLabProvisioner}, {"volumeHandle", objects::uid_of(claim)}}}}},
       {"status", {{"phase", "Available"}}}});
  record(store_, claim, objects::EventType::Normal, "ProvisioningSucceeded",
         "Successfully provisioned volume " + name +
             (its_class == nullptr ? ": storageclass.storage.k8s.io \"" + storage_class +
                                         "\" not found, the lab's own stands in for it"
                                   : ""),
         kLabProvisioner);
  return volume;
}

void ClaimBinder::bind(const Key& key, const json& claim, const ObjectPtr& volume,
                       const std::string& storage_class) {
  const std::string name = objects::name_of(*volume);
  store_.modify(key_of_volume(name), [&](json& object) {
    object["spec"]["claimRef"] = {{"apiVersion", "v1"},
                                  {"kind", "PersistentVolumeClaim"},
                                  {"namespace", key.ns},
                                  {"name", key.name},
                                  {"uid", objects::uid_of(claim)}};
    object["status"]["phase"] = "Bound";
  });
  store_.modify(key, [&](json& object) {
    object["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes";
    object["spec"]["volumeName"] = name;
    if (!storage_class.empty()) {
      object["spec"]["storageClassName"] = storage_class;
    }
    object["status"] = {{"phase", "Bound"},
                        {"accessModes", list_at(*volume, "spec.accessModes")},
                        {"capacity", {{"storage", amount_at(*volume, "spec.capacity.storage")}}}};
  });
}

void ClaimBinder::release(const Key& key) {
  if (is_used(store_, key)) {
    return;
  }
  const ObjectPtr left =
      store_.modify(key, [](json& object) { objects::drop_finalizer(object, objects::kClaimProtection); });
  // With the last one it goes, now: a StatefulSet whose pod has gone makes its claim anew.
  if (!objects::has_finalizers(*left)) {
    store_.remove(key);
  }
}

void ClaimBinder::sync_claim(const Key& key) {
  ObjectPtr claim = store_.find(key);
  if (claim == nullptr) {
    return;
  }
  if (objects::is_being_deleted(*claim)) {
    release(key);
    return;
  }
  if (!objects::has_finalizer(*claim, objects::kClaimProtection)) {
    claim = store_.modify(
        key, [](json& object) { object["metadata"]["finalizers"].push_back(objects::kClaimProtection); });
  }
  if (text_at(*claim, "status.phase") == "Bound") {
    return;
  }
  const bool names_class = field(*claim, "spec.storageClassName") != nullptr;
  const std::string storage_class =
      names_class ? text_at(*claim, "spec.storageClassName") : default_class(store_);
  ObjectPtr volume;
  if (const std::string& name = text_at(*claim, "spec.volumeName"); !name.empty()) {
    volume = store_.find(key_of_volume(name));
    if (volume == nullptr || (!is_free(*volume) && !is_for(*volume, *claim))) {
      return;  // it comes back when there is one
    }
  } else {
    volume = fitting_volume(*claim, storage_class);
  }
  if (volume == nullptr && !storage_class.empty()) {
    volume = provision(*claim, storage_class);
  }
  if (volume != nullptr) {
    bind(key, *claim, volume, storage_class);
    return;
  }
  record(store_, *claim, objects::EventType::Normal, "FailedBinding",
         "no persistent volumes available for this claim and no storage class is set", kBinder);
}

}  // namespace labctl::controllers
