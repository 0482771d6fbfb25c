#include "labctl/controllers/workloads/workload.hpp"

#include "labctl/controllers/pods/nodes.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "labctl/objects/pod_admission.hpp"
#include "labctl/objects/priority.hpp"
#include "labctl/store/selectors.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::is_being_deleted;
using objects::name_of;
using objects::namespace_of;
using objects::number_at;
using objects::owner_reference;
using objects::text_at;
using objects::uid_of;
using store::Key;
using store::ObjectPtr;

const std::string kRevisions = "controllerrevisions";
constexpr std::int64_t kRevisionHistory = 10;
constexpr std::chrono::seconds kLookForRoomEvery{5};

// Objects of one resource and namespace among those that `uid` owns;
// pointers copied, as the caller will write.
std::vector<ObjectPtr> owned_in(const Work& work, const std::string& uid, std::string_view resource,
                                const std::string& ns) {
  std::vector<ObjectPtr> found;
  const auto& owned = work.store.owned_by(uid);
  for (auto at = owned.lower_bound({std::string(resource), ns, ""});
       at != owned.end() && at->first.resource == resource && at->first.ns == ns; ++at) {
    found.push_back(at->second);
  }
  return found;
}

ObjectPtr let_go(Work& work, const Key& key, const std::string& uid) {
  return work.store.modify(key, [&](json& object) {
    objects::drop_finalizer(object, objects::kJobTracking);
    json& owners = object["metadata"]["ownerReferences"];
    owners.erase(
        std::remove_if(owners.begin(), owners.end(), [&](const json& o) { return text_at(o, "uid") == uid; }),
        owners.end());
    if (owners.empty()) {
      object["metadata"].erase("ownerReferences");
    }
  });
}

ObjectPtr take_in(Work& work, const Key& key, const json& owner) {
  return work.store.modify(
      key, [&](json& object) { object["metadata"]["ownerReferences"].push_back(owner_reference(owner)); });
}

std::vector<ObjectPtr> revisions_of(const Work& work, const json& owner) {
  auto revisions = owned_in(work, uid_of(owner), kRevisions, namespace_of(owner));
  std::stable_sort(revisions.begin(), revisions.end(), [](const auto& a, const auto& b) {
    return number_at(*a, "revision", 0) < number_at(*b, "revision", 0);
  });
  return revisions;
}

}  // namespace

Key key_in(std::string_view resource, const json& object) {
  return {std::string(resource), namespace_of(object), name_of(object)};
}

std::vector<ObjectPtr> claim_owned(Work& work, const json& owner, std::string_view resource,
                                   const model::LabelSelector& selector,
                                   const std::function<bool(const json&)>& may_be_member) {
  const auto is_wanted = [&](const json& object) {
    return store::matches(selector, object) && (!may_be_member || may_be_member(object));
  };
  const bool selects = !selector.match_labels.empty() || !selector.match_expressions.empty();
  std::vector<ObjectPtr> claimed;
  for (ObjectPtr& object : owned_in(work, uid_of(owner), resource, namespace_of(owner))) {
    const json* controller = objects::controller_of(*object);
    if (controller == nullptr || text_at(*controller, "uid") != uid_of(owner)) {
      continue;
    }
    if (selects && !is_being_deleted(*object) && !is_wanted(*object)) {
      let_go(work, key_in(resource, *object), uid_of(owner));
    } else {
      claimed.push_back(std::move(object));
    }
  }
  if (!selects || is_being_deleted(owner)) {
    return claimed;
  }
  bool grew = false;
  for (const ObjectPtr& object : owned_in(work, "", resource, namespace_of(owner))) {
    if (objects::is_active(*object) && is_wanted(*object)) {
      claimed.push_back(take_in(work, key_in(resource, *object), owner));
      grew = true;
    }
  }
  if (grew) {
    std::sort(claimed.begin(), claimed.end(),
              [](const ObjectPtr& a, const ObjectPtr& b) { return name_of(*a) < name_of(*b); });
  }
  return claimed;
}

namespace {

// Why admission would refuse a pod of that template. A workload whose pods nothing counts or bounds costs nothing.
std::optional<std::string> refusal_of_admission(const store::Store& store, const json& owner,
                                                const json& pod_template) {
  const json* spec = field(pod_template, "spec");
  if (store.count("resourcequotas") == 0 && store.count("limitranges") == 0) {
    return spec == nullptr ? std::nullopt : objects::priority_refusal(store, *spec);
  }
  json pod = pod_from_template(owner, pod_template);
  objects::fill_in_new_pod(store, pod);
  return objects::admission_refusal(store, pod);
}

}  // namespace

bool may_make_pod(Work& work, const json& owner, std::string_view component) {
  std::string why;
  if (work.store.count("pods") >= kPodsPerLab) {
    why = "exceeded: a lab has at most " + std::to_string(kPodsPerLab) + " pods";
  } else if (const json* pod_template = field(owner, "spec.template")) {
    if (const auto refusal = refusal_of_admission(work.store, owner, *pod_template)) {
      why = "pods \"" + name_of(owner) + "-\" is forbidden: " + *refusal;
    }
  }
  if (why.empty()) {
    return true;
  }
  objects::record(work.store, owner, objects::EventType::Warning, "FailedCreate", "Error creating: " + why,
                  component);
  work.look_again_at(work.now + kLookForRoomEvery);
  return false;
}

json pod_from_template(const json& owner, const json& pod_template) {
  json metadata = json::object();
  if (const json* from = field(pod_template, "metadata")) {
    for (const char* copied : {"labels", "annotations"}) {
      if (const json* value = field(*from, copied)) {
        metadata[copied] = *value;
      }
    }
  }
  metadata["namespace"] = namespace_of(owner);
  metadata["ownerReferences"] = json::array({owner_reference(owner)});
  const json* spec = field(pod_template, "spec");
  json pod{{"apiVersion", "v1"},
           {"kind", "Pod"},
           {"metadata", std::move(metadata)},
           {"spec", spec == nullptr ? json::object() : *spec}};
  pod["status"] = {{"phase", "Pending"}, {"qosClass", objects::qos_class(pod)}};
  return pod;
}

bool is_available(Work& work, const PodFacts& pod, std::int64_t min_ready_seconds) {
  if (!pod.is_ready || min_ready_seconds <= 0) {
    return pod.is_ready;
  }
  if (!pod.ready_since) {
    return false;
  }
  const auto available_at = *pod.ready_since + std::chrono::seconds(min_ready_seconds);
  if (available_at > work.now) {
    work.look_again_at(available_at);
  }
  return available_at <= work.now;
}

bool is_available(Work& work, const json& pod, std::int64_t min_ready_seconds) {
  PodFacts facts;
  facts.is_ready = objects::is_ready(pod);
  facts.ready_since = objects::ready_since(pod);
  return is_available(work, facts, min_ready_seconds);
}

void write_status(Work& work, const Key& key, json status) {
  for (auto member = status.begin(); member != status.end();) {
    // Of the counts only these are shown as 0.
    const bool is_kept = member.key() == "replicas" || member.key() == "currentNumberScheduled" ||
                         member.key() == "desiredNumberScheduled" || member.key() == "numberMisscheduled" ||
                         member.key() == "numberReady" || member.key() == "ready" ||
                         member.key() == "terminating" || !member->is_number_integer() || *member != 0;
    member = is_kept ? std::next(member) : status.erase(member);
  }
  const ObjectPtr object = work.store.find(key);
  const json* present = object == nullptr ? nullptr : field(*object, "status");
  if (object != nullptr && (present == nullptr || *present != status)) {
    work.store.modify(key, [&](json& changed) { changed["status"] = std::move(status); });
  }
}

std::int64_t resolve_share(const json* value, std::int64_t total, bool rounds_up,
                           std::string_view otherwise) {
  if (value != nullptr && value->is_number_integer()) {
    return value->get<std::int64_t>();
  }
  const std::string_view text = value != nullptr && value->is_string()
                                    ? std::string_view(value->get_ref<const std::string&>())
                                    : otherwise;
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.back() != '%') {
    return number;
  }
  return (number * total + (rounds_up ? 99 : 0)) / 100;
}

Revision current_revision(Work& work, const json& owner) {
  const json* pod_template = field(owner, "spec.template");
  const json data = {{"spec", {{"template", pod_template == nullptr ? json::object() : *pod_template}}}};
  const auto revisions = revisions_of(work, owner);
  const std::int64_t newest = revisions.empty() ? 0 : number_at(*revisions.back(), "revision", 0);
  for (const ObjectPtr& revision : revisions) {
    if (revision->at("data") != data) {
      continue;
    }
    const std::int64_t number = number_at(*revision, "revision", 0) == newest ? newest : newest + 1;
    // Back to an older template: its revision becomes the newest.
    work.store.modify(key_in(kRevisions, *revision), [&](json& object) { object["revision"] = number; });
    return {name_of(*revision), store::labels_of(*revision)[kRevisionHash], number};
  }
  Revision made;
  // Another template under the same hash is all but impossible; counting on settles it.
  for (std::int64_t collisions = 0; made.name.empty(); ++collisions) {
    made.hash = objects::template_hash(data, collisions);
    const std::string name = name_of(owner) + "-" + made.hash;
    if (work.store.find({kRevisions, namespace_of(owner), name}) == nullptr) {
      made.name = name;
    }
  }
  made.number = newest + 1;
  if (!objects::too_long_name(kRevisions, made.name).empty()) {
    return made;
  }
  work.store.create({kRevisions, namespace_of(owner), made.name},
                    {{"apiVersion", "apps/v1"},
                     {"kind", "ControllerRevision"},
                     {"metadata",
                      {{"labels", {{kRevisionHash, made.hash}}},
                       {"ownerReferences", json::array({owner_reference(owner)})}}},
                     {"data", data},
                     {"revision", made.number}});
  return made;
}

json template_of_revision(Work& work, const json& owner, const std::string& revision_name) {
  const ObjectPtr revision = work.store.find({kRevisions, namespace_of(owner), revision_name});
  const json* found = revision == nullptr ? nullptr : field(*revision, "data.spec.template");
  return found == nullptr ? json() : *found;
}

void prune_revisions(Work& work, const json& owner, const std::vector<std::string>& used) {
  auto revisions = revisions_of(work, owner);
  std::erase_if(revisions, [&](const ObjectPtr& revision) {
    return std::find(used.begin(), used.end(), name_of(*revision)) != used.end();
  });
  const auto kept = static_cast<std::size_t>(
      std::max<std::int64_t>(number_at(owner, "spec.revisionHistoryLimit", kRevisionHistory), 0));
  for (std::size_t i = 0; i + kept < revisions.size(); ++i) {
    objects::delete_object(work.store, key_in(kRevisions, *revisions[i]));
  }
}

}  // namespace labctl::controllers
