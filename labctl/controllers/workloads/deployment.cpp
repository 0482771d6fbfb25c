#include "labctl/controllers/workloads/deployment.hpp"

#include "labctl/controllers/workloads/deployment_status.hpp"
#include "labctl/controllers/workloads/rollout.hpp"
#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::number_at;
using objects::record;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

const std::string kHashLabel = "pod-template-hash";
const std::string kRevision = "deployment.kubernetes.io/revision";
const std::string kDesired = "deployment.kubernetes.io/desired-replicas";
const std::string kMax = "deployment.kubernetes.io/max-replicas";
constexpr std::string_view kDeploymentComponent = "deployment-controller";
constexpr std::int64_t kHistory = 10;

const std::string& annotation(const json& object, const std::string& name) {
  static const std::string kNone;
  const json* annotations = field(object, "metadata.annotations");
  const auto found = annotations == nullptr ? json::const_iterator() : annotations->find(name);
  return annotations != nullptr && found != annotations->end() && found->is_string()
             ? found->get_ref<const std::string&>()
             : kNone;
}

std::int64_t revision_of(const json& object) {
  const std::string& text = annotation(object, kRevision);
  std::int64_t revision = 0;
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return revision;
}

json template_in(const json& deployment) {
  const json* found = field(deployment, "spec.template");
  return found == nullptr ? json::object() : *found;
}

// By value, not by hash: a hash may be another's (collisionCount), and a rollback has to find the
// set that it had.
bool has_template(const json& replica_set, const json& wanted) {
  json present = template_in(replica_set);
  if (present.contains("metadata") && present["metadata"].contains("labels")) {
    present["metadata"]["labels"].erase(kHashLabel);
  }
  return present == wanted;
}

// What one sync works on. Pointers are renewed as the sets are written.
struct Rollout {
  Work& work;
  Key key;
  ObjectPtr deployment;
  DeploymentScale scale;
  ObjectPtr newest;            // null before it is made
  std::vector<ObjectPtr> old;  // oldest first
  std::string refusal = {};    // why it cannot be made
};

std::vector<ObjectPtr> all_sets(const Rollout& rollout) {
  std::vector<ObjectPtr> sets = rollout.old;
  if (rollout.newest != nullptr) {
    sets.push_back(rollout.newest);
  }
  return sets;
}

std::int64_t replicas_of(const ObjectPtr& set) {
  return set == nullptr ? 0 : number_at(*set, "spec.replicas", 1);
}

void scale_set(Rollout& rollout, ObjectPtr& set, std::int64_t replicas) {
  const std::int64_t before = replicas_of(set);
  const std::string desired = std::to_string(rollout.scale.desired);
  const std::string most = std::to_string(rollout.scale.desired + rollout.scale.max_surge);
  // The annotations are what proportional scaling reads in a cluster; kubectl and others look at them, too.
  if (before == replicas && annotation(*set, kDesired) == desired && annotation(*set, kMax) == most) {
    return;
  }
  set = rollout.work.store.modify(key_in("replicasets", *set), [&](json& object) {
    object["spec"]["replicas"] = replicas;
    object["metadata"]["annotations"][kDesired] = desired;
    object["metadata"]["annotations"][kMax] = most;
  });
  if (before != replicas) {
    record(rollout.work.store, *rollout.deployment, objects::EventType::Normal, "ScalingReplicaSet",
           std::string("Scaled ") + (before < replicas ? "up" : "down") + " replica set " +
               objects::name_of(*set) + " from " + std::to_string(before) + " to " + std::to_string(replicas),
           kDeploymentComponent);
  }
}

json new_set(const Rollout& rollout, const std::string& hash, std::int64_t revision) {
  const json& deployment = *rollout.deployment;
  json pod_template = template_in(deployment);
  pod_template["metadata"]["labels"][kHashLabel] = hash;
  const json* selector = field(deployment, "spec.selector");
  json set_selector = selector == nullptr ? json::object() : *selector;
  set_selector["matchLabels"][kHashLabel] = hash;
  json annotations = json::object();
  if (const json* own = field(deployment, "metadata.annotations")) {
    annotations = *own;
    annotations.erase(model::kLastAppliedAnnotation);
  }
  annotations[kRevision] = std::to_string(revision);
  json labels = pod_template["metadata"]["labels"];
  return {{"apiVersion", "apps/v1"},
          {"kind", "ReplicaSet"},
          {"metadata",
           {{"labels", std::move(labels)},
            {"annotations", std::move(annotations)},
            {"ownerReferences", json::array({objects::owner_reference(deployment)})}}},
          {"spec",
           {{"replicas", 0},
            {"minReadySeconds", number_at(deployment, "spec.minReadySeconds", 0)},
            {"selector", std::move(set_selector)},
            {"template", std::move(pod_template)}}},
          {"status", {{"replicas", 0}}}};
}

// The Deployment's own name may be as long as a name can be.
void tell_refusal(Rollout& rollout, const std::string& name, const std::string& why) {
  rollout.refusal = "Failed to create new replica set \"" + name + "\": " + why;
  record(rollout.work.store, *rollout.deployment, objects::EventType::Warning, kSetNotCreated,
         rollout.refusal, kDeploymentComponent);
}

// Another ReplicaSet under the name that the hash gives: count on until the
// name is free, as status.collisionCount.
void make_newest(Rollout& rollout, std::int64_t revision) {
  const json pod_template = template_in(*rollout.deployment);
  for (std::int64_t collisions = number_at(*rollout.deployment, "status.collisionCount", 0);; ++collisions) {
    const std::string hash = objects::template_hash(pod_template, collisions);
    const Key key{"replicasets", rollout.key.ns, rollout.key.name + "-" + hash};
    if (const std::string why = objects::too_long_name("ReplicaSet.apps", key.name); !why.empty()) {
      tell_refusal(rollout, key.name, why);
      return;
    }
    if (rollout.work.store.find(key) != nullptr) {
      continue;
    }
    rollout.newest = rollout.work.store.create(key, new_set(rollout, hash, revision));
    if (collisions > 0) {
      rollout.deployment = rollout.work.store.modify(
          rollout.key, [&](json& object) { object["status"]["collisionCount"] = collisions; });
    }
    return;
  }
}

// Gives the newest set the highest revision, and the Deployment the same: a rollback makes an old template
// the newest. Nothing where there is no newest set.
void number_revision(Rollout& rollout, bool makes_set) {
  std::int64_t highest = 0;
  for (const ObjectPtr& set : rollout.old) {
    highest = std::max(highest, revision_of(*set));
  }
  if (rollout.newest == nullptr) {
    if (!makes_set) {
      return;
    }
    make_newest(rollout, highest + 1);
    if (rollout.newest == nullptr) {
      return;
    }
  } else {
    const std::int64_t revision = std::max(revision_of(*rollout.newest), highest + 1);
    rollout.newest = rollout.work.store.modify(key_in("replicasets", *rollout.newest), [&](json& object) {
      object["metadata"]["annotations"][kRevision] = std::to_string(revision);
      object["spec"]["minReadySeconds"] = number_at(*rollout.deployment, "spec.minReadySeconds", 0);
    });
  }
  const std::string revision = annotation(*rollout.newest, kRevision);
  rollout.deployment = rollout.work.store.modify(
      rollout.key, [&](json& object) { object["metadata"]["annotations"][kRevision] = revision; });
}

void roll(Rollout& rollout) {
  number_revision(rollout, true);
  if (rollout.newest == nullptr) {
    return;
  }
  RolloutState state{rollout.scale.desired, rollout.scale.max_surge, rollout.scale.max_unavailable, {}, {}};
  const auto look_at = [](const ObjectPtr& set) {
    return RolloutSet{replicas_of(set), number_at(*set, "status.availableReplicas", 0)};
  };
  for (const ObjectPtr& set : rollout.old) {
    state.old.push_back(look_at(set));
  }
  state.newest = look_at(rollout.newest);
  // Up first as far as the surge has room, then down by what that made of it.
  scale_set(rollout, rollout.newest, next_newest(state));
  state.newest = look_at(rollout.newest);
  const std::vector<std::int64_t> next = next_old(state);
  for (std::size_t i = 0; i < next.size(); ++i) {
    scale_set(rollout, rollout.old[i], next[i]);
  }
}

// Recreate: the new version starts when nothing of the old one is left, not even a pod on its way out.
void recreate(Rollout& rollout) {
  number_revision(rollout, false);
  bool is_old_left = false;
  for (ObjectPtr& set : rollout.old) {
    scale_set(rollout, set, 0);
    const auto& owned = rollout.work.store.owned_by(objects::uid_of(*set));
    is_old_left = is_old_left || std::any_of(owned.begin(), owned.end(), [](const auto& pod) {
                    return pod.first.resource == "pods" && !objects::is_finished(*pod.second);
                  });
  }
  if (!is_old_left) {
    number_revision(rollout, true);
    if (rollout.newest != nullptr) {
      scale_set(rollout, rollout.newest, rollout.scale.desired);
    }
  }
}

// Paused: the set that has pods takes the scale; in the middle of a rollout the newest takes the difference.
void scale_only(Rollout& rollout) {
  number_revision(rollout, false);
  std::vector<ObjectPtr*> with_pods;
  std::int64_t sum = 0;
  for (ObjectPtr& set : rollout.old) {
    if (replicas_of(set) > 0) {
      with_pods.push_back(&set);
      sum += replicas_of(set);
    }
  }
  if (rollout.newest != nullptr && (replicas_of(rollout.newest) > 0 || with_pods.empty())) {
    with_pods.push_back(&rollout.newest);
    sum += replicas_of(rollout.newest);
  }
  if (with_pods.empty()) {
    return;
  }
  ObjectPtr& last = *with_pods.back();
  const std::int64_t most = rollout.scale.desired + (with_pods.size() > 1 ? rollout.scale.max_surge : 0);
  // Within the bounds of a rollout nothing is touched: it was paused in this very state.
  if (with_pods.size() == 1 || sum < rollout.scale.desired || sum > most) {
    scale_set(rollout, last, std::max<std::int64_t>(rollout.scale.desired - (sum - replicas_of(last)), 0));
  }
}

// Deletes the oldest ReplicaSets beyond spec.revisionHistoryLimit that have no pods.
void prune_history(Rollout& rollout) {
  const auto kept = static_cast<std::size_t>(
      std::max<std::int64_t>(number_at(*rollout.deployment, "spec.revisionHistoryLimit", kHistory), 0));
  std::vector<ObjectPtr> spent;
  std::copy_if(rollout.old.begin(), rollout.old.end(), std::back_inserter(spent), [](const ObjectPtr& set) {
    return replicas_of(set) == 0 && number_at(*set, "status.replicas", 0) == 0;
  });
  std::stable_sort(spent.begin(), spent.end(),
                   [](const ObjectPtr& a, const ObjectPtr& b) { return revision_of(*a) < revision_of(*b); });
  for (std::size_t i = 0; i + kept < spent.size(); ++i) {
    objects::delete_object(rollout.work.store, key_in("replicasets", *spent[i]));
  }
}

// Of several sets with the wanted template the oldest is the newest version's.
void sort_out_sets(Rollout& rollout, std::vector<ObjectPtr> sets) {
  std::stable_sort(sets.begin(), sets.end(), [](const ObjectPtr& a, const ObjectPtr& b) {
    return text_at(*a, "metadata.creationTimestamp") < text_at(*b, "metadata.creationTimestamp");
  });
  const json wanted = template_in(*rollout.deployment);
  for (ObjectPtr& set : sets) {
    if (rollout.newest == nullptr && has_template(*set, wanted)) {
      rollout.newest = std::move(set);
    } else {
      rollout.old.push_back(std::move(set));
    }
  }
}

}  // namespace

void sync_deployment(Work& work, const Key& key) {
  const ObjectPtr deployment = work.store.find(key);
  if (deployment == nullptr || objects::is_being_deleted(*deployment)) {
    return;
  }
  Rollout rollout{work, key, deployment, deployment_scale(*deployment), nullptr, {}};
  const json* selector = field(*deployment, "spec.selector");
  sort_out_sets(rollout, claim_owned(work, *deployment, "replicasets",
                                     store::selector_from_json(selector == nullptr ? json() : *selector)));
  if (objects::is_true_at(*deployment, "spec.paused")) {
    scale_only(rollout);
  } else if (text_at(*deployment, "spec.strategy.type") == "Recreate") {
    recreate(rollout);
  } else {
    roll(rollout);
  }
  const json status =
      deployment_status(work, *rollout.deployment, {rollout.newest, rollout.refusal}, all_sets(rollout));
  const bool is_complete = is_rollout_complete(status, rollout.scale);
  write_status(work, key, status);
  if (is_complete) {
    prune_history(rollout);
  }
}

}  // namespace labctl::controllers
