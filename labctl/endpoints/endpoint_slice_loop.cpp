#include "labctl/endpoints/endpoint_slice_loop.hpp"

#include "labctl/endpoints/endpoint_mirror.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace labctl::endpoints {
namespace {

using nlohmann::json;
using objects::contain;
using objects::field;
using objects::namespace_of;
using objects::uid_of;
using store::Change;
using store::ChangeType;
using store::Key;
using store::ObjectPtr;

const std::string kSlices = "endpointslices";
using model::kManagedByLabel;

bool is_same_map(const json* object, const model::Labels& wanted) {
  if (object == nullptr || object->size() != wanted.size()) {
    return object == nullptr && wanted.empty();
  }
  for (const auto& [name, value] : wanted) {
    const auto found = object->find(name);
    if (found == object->end() || *found != value) {
      return false;
    }
  }
  return true;
}

}  // namespace

// Whose slices: a Service, or an Endpoints object that is mirrored.
struct EndpointSliceLoop::Owner {
  const json& object;
  model::Labels labels;
  model::Labels annotations;
  SliceRules rules;
};

void EndpointSliceLoop::note(const Change& change) {
  const std::string& resource = change.key.resource;
  if (resource == kSlices) {
    note_slice(change);
    return;
  }
  index_.note(change, services_);
  if (resource == "endpoints" && change.type != ChangeType::Deleted) {
    endpoints_.insert(change.key);
  } else if (resource == "services") {
    const Key namesake{"endpoints", change.key.ns, change.key.name};
    if (change.type == ChangeType::Deleted) {
      without_service_.insert(namesake);
    } else if (store_.find(namesake) != nullptr) {
      endpoints_.insert(namesake);
    }
  }
}

// Somebody else wrote to a slice: whoever owns it looks at it again.
void EndpointSliceLoop::note_slice(const Change& change) {
  if (change.type == ChangeType::Deleted) {
    known_.erase(change.key);
  }
  if (is_writing_) {
    return;
  }
  for (const ObjectPtr& object : {change.object, change.before}) {
    const json* controller = object == nullptr ? nullptr : objects::controller_of(*object);
    const auto owner =
        controller == nullptr ? std::nullopt : store_.key_of_uid(objects::text_at(*controller, "uid"));
    if (owner && owner->resource == "services") {
      services_[*owner].are_all = true;
    } else if (owner && owner->resource == "endpoints") {
      endpoints_.insert(*owner);
    }
  }
}

bool EndpointSliceLoop::run() {
  is_writing_ = true;
  const ScopeExit done([this] { is_writing_ = false; });
  for (const Key& key : std::exchange(without_service_, {})) {
    // As in Kubernetes, Endpoints go with their Service.
    if (store_.find({"services", key.ns, key.name}) == nullptr) {
      store_.remove(key);
    }
  }
  for (const auto& [key, affected] : std::exchange(services_, {})) {
    if (!contain(store_, key, "FailedToUpdateEndpointSlices", "endpoint-slice-controller",
                 [&, &key = key, &affected = affected] { sync_service(key, affected); })) {
      failed_.insert(key);
    }
  }
  for (const Key& key : std::exchange(endpoints_, {})) {
    if (!contain(store_, key, "FailedToUpdateEndpointSlices", "endpoint-slice-mirroring-controller",
                 [&] { sync_mirror(key); })) {
      failed_.insert(key);
    }
  }
  return failed_.empty();
}

void EndpointSliceLoop::retry() {
  for (const Key& key : std::exchange(failed_, {})) {
    if (key.resource == "services") {
      services_[key].are_all = true;
    } else {
      endpoints_.insert(key);
    }
  }
}

void EndpointSliceLoop::sync_service(const Key& key, const AffectedEndpoints& affected) {
  const ObjectPtr service = store_.find(key);
  if (service == nullptr) {
    return;  // its slices are garbage
  }
  const Owner owner{*service, slice_labels(*service), {}, {kEndpointsPerSlice, true}};
  if (endpoint_selector(*service).empty()) {
    write(owner, {});
    return;
  }
  const ZoneOfNode zone_of = [this](const std::string& node) -> const std::string& {
    return index_.zone_of(node);
  };
  if (affected.are_all) {
    write(owner, wanted_endpoints(service_endpoints(*service), index_.pods_of(key), zone_of));
    return;
  }
  TargetUids touched;
  std::vector<const EndpointPod*> pods;
  for (const auto& [uid, pod_key] : affected.pods) {
    touched.insert(uid);
    const EndpointPod* pod = index_.pod_of(key, pod_key);
    if (pod != nullptr && pod->uid == uid) {
      pods.push_back(pod);
    }
  }
  write(owner, wanted_endpoints(service_endpoints(*service), pods, zone_of), &touched);
}

void EndpointSliceLoop::sync_mirror(const Key& key) {
  const ObjectPtr endpoints = store_.find(key);
  if (endpoints == nullptr) {
    return;
  }
  const ObjectPtr service = store_.find({"services", key.ns, key.name});
  std::map<std::string, WantedEndpoints> wanted;
  if (is_mirrored(*endpoints, service.get())) {
    wanted = mirrored_endpoints(*endpoints);
  }
  write({*endpoints,
         mirrored_labels(*endpoints),
         mirrored_annotations(*endpoints),
         {kEndpointsPerMirroredSlice, false}},
        wanted);
}

void EndpointSliceLoop::write(const Owner& owner, const std::map<std::string, WantedEndpoints>& wanted,
                              const TargetUids* touched) {
  std::map<std::string, std::vector<PresentSlice>> present;
  for (const auto& [key, object] : store_.owned_by(uid_of(owner.object))) {
    // A user's slice may be owned by the Service as well; it is told by who manages it.
    const json* labels = field(*object, "metadata.labels");
    if (key.resource != kSlices || labels == nullptr || !labels->contains(kManagedByLabel) ||
        labels->at(kManagedByLabel) != owner.labels.at(kManagedByLabel)) {
      continue;
    }
    const ParsedSlice& parsed = known(key, object).parsed;
    // When only pods changed, nobody has written to the slices or the owner.
    const bool is_stale =
        touched == nullptr && (!parsed.is_exact || !is_same_map(labels, owner.labels) ||
                               !is_same_map(field(*object, "metadata.annotations"), owner.annotations));
    present[parsed.slice.address_type].push_back({&parsed.slice, is_stale});
  }
  // A type that is wanted no more loses all its slices.
  std::vector<SliceChanges> changes;
  for (const auto& [type, slices] : present) {
    if (!wanted.contains(type)) {
      changes.push_back(plan_slices(type, {}, slices, {owner.rules.endpoints_max, false}));
    }
  }
  for (const auto& [type, endpoints] : wanted) {
    changes.push_back(plan_slices(type, endpoints, present[type], owner.rules, touched));
  }
  // What comes before what goes: who reads in between finds an endpoint twice rather than not at all.
  for (SliceChanges& change : changes) {
    for (const EndpointSlice& slice : change.to_update) {
      update(owner, slice);
    }
    for (EndpointSlice& slice : change.to_create) {
      create(owner, std::move(slice));
    }
    for (const std::string& name : change.to_delete) {
      store_.remove({kSlices, namespace_of(owner.object), name});
    }
  }
}

void EndpointSliceLoop::create(const Owner& owner, EndpointSlice slice) {
  const std::string prefix = objects::name_of(owner.object) + "-";
  Key key{kSlices, namespace_of(owner.object), ""};
  do {
    key.name = objects::generated_name(prefix, store_.next_in_sequence(uid_of(owner.object)));
  } while (store_.find(key) != nullptr);
  slice.name = key.name;
  json object = slice_fields(slice);
  object["apiVersion"] = "discovery.k8s.io/v1";
  object["kind"] = "EndpointSlice";
  object["metadata"] = {{"generateName", prefix},
                        {"labels", owner.labels},
                        {"ownerReferences", json::array({objects::owner_reference(owner.object)})}};
  if (!owner.annotations.empty()) {
    object["metadata"]["annotations"] = owner.annotations;
  }
  known_[key] = {store_.create(key, std::move(object)), {std::move(slice), true}};
}

void EndpointSliceLoop::update(const Owner& owner, const EndpointSlice& slice) {
  const Key key{kSlices, namespace_of(owner.object), slice.name};
  json object = slice_fields(slice);
  object["apiVersion"] = "discovery.k8s.io/v1";
  object["kind"] = "EndpointSlice";
  json metadata = store_.get(key)->at("metadata");
  metadata["labels"] = owner.labels;
  if (owner.annotations.empty()) {
    metadata.erase("annotations");
  } else {
    metadata["annotations"] = owner.annotations;
  }
  object["metadata"] = std::move(metadata);
  known_[key] = {store_.update(key, std::move(object)), {slice, true}};
}

const EndpointSliceLoop::Known& EndpointSliceLoop::known(const Key& key, const ObjectPtr& object) {
  Known& entry = known_[key];
  if (entry.object != object) {
    entry = {object, parse_slice(*object)};
  }
  return entry;
}

}  // namespace labctl::endpoints
