#include "labctl/controllers/scheduling/taint_evictions.hpp"

#include "labctl/controllers/scheduling/taints.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::controllers {
namespace {

using model::Taint;
using nlohmann::json;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

constexpr std::string_view kEvictionComponent = "taint-eviction-controller";

std::vector<Taint> no_execute_taints(const json& node) {
  std::vector<Taint> taints = taints_of(node);
  std::erase_if(taints, [](const Taint& taint) { return taint.effect != kNoExecute; });
  return taints;
}

// How long a pod may stay among `taints`, which are all NoExecute: nothing for ever.
std::optional<std::chrono::seconds> may_stay(const std::vector<Taint>& taints, const json& pod) {
  const std::vector<Toleration> tolerations = tolerations_of(pod);
  std::optional<std::chrono::seconds> least;
  for (const Taint& taint : taints) {
    const auto tolerated = std::find_if(tolerations.begin(), tolerations.end(),
                                        [&](const Toleration& one) { return tolerates(one, taint); });
    if (tolerated == tolerations.end()) {
      return std::chrono::seconds(0);
    }
    if (tolerated->seconds) {
      // More than a lab lives would not fit into a time.
      constexpr std::int64_t kSecondsMax = 100'000'000;
      const std::chrono::seconds seconds(std::clamp<std::int64_t>(*tolerated->seconds, 0, kSecondsMax));
      least = least ? std::min(*least, seconds) : seconds;
    }
  }
  return least;
}

bool lives_anew(const store::Change& change) {
  return change.before == nullptr || text_at(*change.before, "status.podIP").empty() ||
         objects::list_at(*change.before, "spec.tolerations") !=
             objects::list_at(*change.object, "spec.tolerations");
}

}  // namespace

void TaintEvictions::note(const store::Change& change) {
  const bool is_deleted = change.type == store::ChangeType::Deleted;
  if (change.key.resource == "nodes") {
    const bool was_tainted = tainted_.contains(change.key.name);
    if (!is_deleted && !no_execute_taints(*change.object).empty()) {
      tainted_.insert(change.key.name);
      due_.insert(change.key.name);
    } else if (was_tainted) {
      tainted_.erase(change.key.name);
      due_.insert(change.key.name);
    }
  } else if (change.key.resource == "pods" && is_deleted) {
    evictions_.erase(change.key);
  } else if (change.key.resource == "pods" && !tainted_.empty()) {
    const std::string& node = text_at(*change.object, "spec.nodeName");
    if (tainted_.contains(node) && lives_anew(change)) {
      due_.insert(node);
    }
  }
}

void TaintEvictions::queue_due(Time now) {
  for (const auto& [key, eviction] : evictions_) {
    if (eviction.at <= now) {
      due_.insert(eviction.node);
    }
  }
}

void TaintEvictions::run(Work& work) {
  for (const std::string& node : std::exchange(due_, {})) {
    look_at(work, node);
  }
}

std::optional<TaintEvictions::Time> TaintEvictions::next() const {
  std::optional<Time> next;
  for (const auto& [key, eviction] : evictions_) {
    next = next ? std::min(*next, eviction.at) : eviction.at;
  }
  return next;
}

void TaintEvictions::cancel(Work& work, const Key& key, const json& pod) {
  if (evictions_.erase(key) > 0) {
    objects::record(work.store, pod, objects::EventType::Normal, "TaintManagerEviction",
                    "Cancelling deletion of Pod " + key.ns + "/" + key.name, kEvictionComponent);
  }
}

void TaintEvictions::look_at(Work& work, const std::string& node) {
  for (const Key& key : work.pods.pods_on(node)) {
    objects::contain(work.store, key, "FailedEviction", kEvictionComponent,
                     [&] { look_at(work, node, key); });
  }
}

void TaintEvictions::look_at(Work& work, const std::string& node, const Key& key) {
  const ObjectPtr object = work.store.find({"nodes", "", node});
  const ObjectPtr pod = work.store.find(key);
  if (object == nullptr || pod == nullptr || !objects::is_active(*pod)) {
    evictions_.erase(key);
    return;
  }
  const std::vector<Taint> taints = no_execute_taints(*object);
  const auto stay = may_stay(taints, *pod);
  if (taints.empty() || !stay) {
    return cancel(work, key, *pod);
  }
  auto known = evictions_.find(key);
  const bool is_same = known != evictions_.end() && known->second.uid == objects::uid_of(*pod);
  const Time since = is_same ? known->second.since : work.now;
  if (since + *stay > work.now) {
    evictions_[key] = {node, objects::uid_of(*pod), since, since + *stay};
    return;
  }
  evictions_.erase(key);
  const ObjectPtr marked = work.store.modify(key, [&](json& changed) {
    objects::set_condition(changed["status"], "DisruptionTarget", "True", work.now, "DeletionByTaintManager",
                           "Taint manager: deleting due to NoExecute taint");
  });
  objects::record(work.store, *marked, objects::EventType::Normal, "TaintManagerEviction",
                  "Marking for deletion Pod " + key.ns + "/" + key.name, kEvictionComponent);
  objects::delete_object(work.store, key);
}

}  // namespace labctl::controllers
