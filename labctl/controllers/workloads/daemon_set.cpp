#include "labctl/controllers/workloads/daemon_set.hpp"

#include "labctl/controllers/scheduling/node_affinity.hpp"
#include "labctl/controllers/workloads/daemon_nodes.hpp"
#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "labctl/objects/pod_admission.hpp"
#include "labctl/store/selectors.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::is_being_deleted;
using objects::number_at;
using objects::record;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

constexpr std::string_view kDaemonSetComponent = "daemonset-controller";

struct Daemon {
  Work& work;
  Key key;
  const json& object;
  Revision revision;
  std::int64_t min_ready_seconds = 0;
  std::vector<std::string> wanted;                        // names of the nodes that should have a pod
  std::set<std::string> kept;                             // of those where one that is there may stay
  std::map<std::string, std::vector<ObjectPtr>> by_node;  // oldest first
  bool did_something = false;
};

void make_pod(Daemon& daemon, const std::string& node) {
  json pod = pod_from_template(daemon.object, *field(daemon.object, "spec.template"));
  const std::string prefix = daemon.key.name + "-";
  pod["metadata"]["generateName"] = prefix;
  pod["metadata"]["labels"][kRevisionHash] = daemon.revision.hash;
  bind_daemon_pod(pod, node);
  objects::fill_in_new_pod(daemon.work.store, pod);
  Key key{"pods", daemon.key.ns, ""};
  do {
    key.name =
        objects::generated_name(prefix, daemon.work.store.next_in_sequence(objects::uid_of(daemon.object)));
  } while (daemon.work.store.find(key) != nullptr);
  daemon.work.store.create(key, std::move(pod));
  daemon.did_something = true;
  record(daemon.work.store, daemon.object, objects::EventType::Normal, "SuccessfulCreate",
         "Created pod: " + key.name, kDaemonSetComponent);
}

void delete_pod(Daemon& daemon, const json& pod) {
  if (is_being_deleted(pod)) {
    return;
  }
  objects::delete_object(daemon.work.store, key_in("pods", pod));
  daemon.did_something = true;
  record(daemon.work.store, daemon.object, objects::EventType::Normal, "SuccessfulDelete",
         "Deleted pod: " + objects::name_of(pod), kDaemonSetComponent);
}

// One pod on each wanted node; elsewhere none but those that are there and stand the node's taints. A
// finished pod is made again; the replacement of a pod that is on its way out waits until it has gone, so
// that two never meet on a node.
void settle_nodes(Daemon& daemon) {
  for (const auto& [node, pods] : daemon.by_node) {
    const bool is_wanted = daemon.kept.contains(node);
    bool has_one = false;
    for (const ObjectPtr& pod : pods) {
      if (!is_wanted || has_one || objects::is_finished(*pod)) {
        delete_pod(daemon, *pod);
      } else {
        has_one = !is_being_deleted(*pod);
      }
    }
  }
  std::size_t made = 0;
  for (const std::string& node : daemon.wanted) {
    if (!daemon.by_node.contains(node)) {
      if (daemon.work.is_enough(made++) || !may_make_pod(daemon.work, daemon.object, kDaemonSetComponent)) {
        return;
      }
      make_pod(daemon, node);
    }
  }
}

bool is_updated(const Daemon& daemon, const json& pod) {
  return store::labels_of(pod)[kRevisionHash] == daemon.revision.hash;
}

// The pod that counts on a node: the oldest that stays. Null when there is none.
const json* pod_on(const Daemon& daemon, const std::string& node) {
  const auto found = daemon.by_node.find(node);
  if (found == daemon.by_node.end()) {
    return nullptr;
  }
  for (const ObjectPtr& pod : found->second) {
    if (objects::is_active(*pod)) {
      return pod.get();
    }
  }
  return nullptr;
}

void roll(Daemon& daemon) {
  if (text_at(daemon.object, "spec.updateStrategy.type") == "OnDelete") {
    return;
  }
  const auto nodes = static_cast<std::int64_t>(daemon.wanted.size());
  std::int64_t may_go = std::max<std::int64_t>(
      resolve_share(field(daemon.object, "spec.updateStrategy.rollingUpdate.maxUnavailable"), nodes, true,
                    "1"),
      1);
  std::vector<const json*> available;
  for (const std::string& node : daemon.wanted) {
    const json* pod = pod_on(daemon, node);
    if (pod == nullptr || !is_available(daemon.work, *pod, daemon.min_ready_seconds)) {
      --may_go;
      // An old pod that does not work costs nothing.
      if (pod != nullptr && !is_updated(daemon, *pod)) {
        delete_pod(daemon, *pod);
      }
    } else if (!is_updated(daemon, *pod)) {
      available.push_back(pod);
    }
  }
  for (std::size_t i = 0; i < available.size() && may_go > 0; ++i, --may_go) {
    delete_pod(daemon, *available[i]);
  }
}

json status_of(Daemon& daemon) {
  std::int64_t scheduled = 0, ready = 0, available = 0, updated = 0, misplaced = 0;
  for (const std::string& node : daemon.wanted) {
    const json* pod = pod_on(daemon, node);
    scheduled += daemon.by_node.contains(node) ? 1 : 0;
    ready += pod != nullptr && objects::is_ready(*pod) ? 1 : 0;
    available += pod != nullptr && is_available(daemon.work, *pod, daemon.min_ready_seconds) ? 1 : 0;
    updated += pod != nullptr && is_updated(daemon, *pod) ? 1 : 0;
  }
  for (const auto& [node, pods] : daemon.by_node) {
    misplaced += std::find(daemon.wanted.begin(), daemon.wanted.end(), node) == daemon.wanted.end() ? 1 : 0;
  }
  const auto desired = static_cast<std::int64_t>(daemon.wanted.size());
  return {{"observedGeneration", number_at(daemon.object, "metadata.generation", 1)},
          {"desiredNumberScheduled", desired},
          {"currentNumberScheduled", scheduled},
          {"updatedNumberScheduled", updated},
          {"numberReady", ready},
          {"numberAvailable", available},
          {"numberUnavailable", desired - available},
          {"numberMisscheduled", misplaced}};
}

}  // namespace

void sync_daemon_set(Work& work, const Key& key) {
  const ObjectPtr object = work.store.find(key);
  if (object == nullptr || is_being_deleted(*object) || field(*object, "spec.template") == nullptr) {
    return;
  }
  const Revision revision = current_revision(work, *object);
  if (const std::string refusal = objects::too_long_name("ControllerRevision.apps", revision.name);
      !refusal.empty()) {
    // As in a cluster, where only the controller's log says so.
    record(work.store, *object, objects::EventType::Warning, "FailedCreate",
           "failed to construct revisions of DaemonSet: " + refusal, kDaemonSetComponent);
    return;
  }
  Daemon daemon{work, key, *object, revision, 0, {}, {}, {}, false};
  daemon.min_ready_seconds = number_at(*object, "spec.minReadySeconds", 0);
  DaemonNodes nodes = daemon_nodes(work, *field(*object, "spec.template"));
  daemon.wanted = std::move(nodes.wanted);
  daemon.kept = std::move(nodes.kept);
  const json* selector = field(*object, "spec.selector");
  for (ObjectPtr& pod : claim_owned(work, *object, "pods",
                                    store::selector_from_json(selector == nullptr ? json() : *selector))) {
    // Until it is placed its affinity says where it is to be.
    std::string node = text_at(*pod, "spec.nodeName");
    node = node.empty() ? node_named_in(*pod) : node;
    daemon.by_node[node].push_back(std::move(pod));
  }
  for (auto& [node, pods] : daemon.by_node) {
    std::stable_sort(pods.begin(), pods.end(), [](const ObjectPtr& a, const ObjectPtr& b) {
      return text_at(*a, "metadata.creationTimestamp") < text_at(*b, "metadata.creationTimestamp");
    });
  }
  settle_nodes(daemon);
  if (!daemon.did_something) {
    roll(daemon);
  }
  // What was made or deleted brings the set here again, and then the status is right.
  if (!daemon.did_something) {
    write_status(work, key, status_of(daemon));
    prune_revisions(work, *object, {daemon.revision.name});
  }
}

}  // namespace labctl::controllers
