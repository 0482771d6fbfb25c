#include "labctl/controllers/workloads/replica_set.hpp"

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
#include <tuple>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::is_being_deleted;
using objects::is_ready;
using objects::name_of;
using objects::number_at;
using objects::ready_since;
using objects::record;
using objects::text_at;
using objects::uid_of;
using store::Key;
using store::ObjectPtr;

constexpr std::string_view kReplicaSetComponent = "replicaset-controller";

std::int64_t deletion_cost(const json& pod) {
  const json* annotations = field(pod, "metadata.annotations");
  const auto found = annotations == nullptr ? json::const_iterator()
                                            : annotations->find("controller.kubernetes.io/pod-deletion-cost");
  std::int64_t cost = 0;
  if (annotations != nullptr && found != annotations->end() && found->is_string()) {
    const std::string& text = found->get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), cost);
  }
  return cost;
}

std::int64_t restarts(const json& pod) {
  std::int64_t most = 0;
  if (const json* statuses = field(pod, "status.containerStatuses");
      statuses != nullptr && statuses->is_array()) {
    for (const json& status : *statuses) {
      most = std::max(most, number_at(status, "restartCount", 0));
    }
  }
  return most;
}

// Smaller goes first. The texts are RFC 3339 in UTC, which sorts as time does; "later first" is a negation
// made by swapping sides, so they stand apart.
struct Rank {
  bool is_placed;
  int phase;
  bool is_ready;
  std::int64_t cost;
  std::int64_t crowd_negated;
  std::string ready_since;
  std::int64_t restarts_negated;
  std::string created;
  std::string name;

  bool operator<(const Rank& other) const {
    return std::tie(is_placed, phase, is_ready, cost, crowd_negated, other.ready_since, restarts_negated,
                    other.created, name) < std::tie(other.is_placed, other.phase, other.is_ready, other.cost,
                                                    other.crowd_negated, ready_since, other.restarts_negated,
                                                    created, other.name);
  }
};

Rank rank_of(const json& pod, std::int64_t crowd) {
  const std::string_view phase = objects::phase_of(pod);
  const bool ready = is_ready(pod);
  const json* condition_ready = objects::condition(pod, "Ready");
  return {!text_at(pod, "spec.nodeName").empty(),
          phase == "Pending"   ? 0
          : phase == "Unknown" ? 1
                               : 2,
          ready,
          deletion_cost(pod),
          -crowd,
          ready ? text_at(*condition_ready, "lastTransitionTime") : std::string(),
          -restarts(pod),
          text_at(pod, "metadata.creationTimestamp"),
          name_of(pod)};
}

// Whether it made any.
bool make_pods(Work& work, const Key& key, const json& replica_set, std::int64_t count) {
  const json* pod_template = field(replica_set, "spec.template");
  json base = pod_from_template(replica_set, pod_template == nullptr ? json::object() : *pod_template);
  const std::string prefix = key.name + "-";
  base["metadata"]["generateName"] = prefix;
  objects::fill_in_new_pod(work.store, base);
  std::int64_t made = 0;
  while (made < count && !work.is_enough(static_cast<std::size_t>(made))) {
    if (!may_make_pod(work, replica_set, kReplicaSetComponent)) {
      break;
    }
    const Key pod{"pods", key.ns,
                  objects::generated_name(prefix, work.store.next_in_sequence(uid_of(replica_set)))};
    if (work.store.find(pod) != nullptr) {
      continue;  // 14 million names: two of a set may meet
    }
    work.store.create(pod, base);
    if (made++ < objects::kEventsPerSync) {
      record(work.store, replica_set, objects::EventType::Normal, "SuccessfulCreate",
             "Created pod: " + pod.name, kReplicaSetComponent);
    }
  }
  return made > 0;
}

void delete_pods(Work& work, const json& replica_set, const std::vector<ObjectPtr>& active,
                 std::size_t count) {
  const std::vector<ObjectPtr> ranked = ranked_for_deletion(active);
  // Ranking them all again costs as much as deleting some.
  for (std::size_t i = 0; i < count && !work.is_enough(i / 4); ++i) {
    objects::delete_object(work.store, key_in("pods", *ranked[i]));
    if (i < objects::kEventsPerSync) {
      record(work.store, replica_set, objects::EventType::Normal, "SuccessfulDelete",
             "Deleted pod: " + name_of(*ranked[i]), kReplicaSetComponent);
    }
  }
}

// What a walk over the set's pods finds, without reading one.
struct Count {
  std::int64_t active = 0, labelled = 0, ready = 0, available = 0;
  bool has_strays = false;  // pods to take in or to let go
};

// Answers for whole sets of labels, which in a workload are nearly all the same.
class Matcher {
 public:
  explicit Matcher(model::LabelSelector selector) : selector_(std::move(selector)) {}
  bool operator()(const PodFacts& facts, const json& pod) {
    const auto [found, is_new] = verdicts_.try_emplace(facts.labels_hash, false);
    if (is_new) {
      found->second = store::matches(selector_, pod);
    }
    return found->second;
  }

 private:
  model::LabelSelector selector_;
  std::map<std::uint64_t, bool> verdicts_;
};

template <typename Visit>
void for_each_pod(const Work& work, const std::string& owner, const std::string& ns, const Visit& visit) {
  const auto& owned = work.store.owned_by(owner);
  for (auto at = owned.lower_bound({"pods", ns, ""});
       at != owned.end() && at->first.resource == "pods" && at->first.ns == ns; ++at) {
    visit(work.pods.of(at->second), *at->second);
  }
}

Count count_pods(Work& work, const Key& key, const json& replica_set, const model::LabelSelector& selector) {
  Matcher is_mine(selector);
  const json* pod_template = field(replica_set, "spec.template");
  Matcher is_fully_labelled(
      {pod_template == nullptr ? model::Labels{} : store::labels_of(*pod_template), {}});
  const std::uint64_t own_hash = controller_hash(uid_of(replica_set));
  const std::int64_t min_ready = number_at(replica_set, "spec.minReadySeconds", 0);
  Count count;
  for_each_pod(work, uid_of(replica_set), key.ns, [&](const PodFacts& facts, const json& pod) {
    if (facts.controller_hash != own_hash) {
      return;
    }
    count.has_strays = count.has_strays || (!facts.is_being_deleted && !is_mine(facts, pod));
    if (facts.is_active) {
      ++count.active;
      count.labelled += is_fully_labelled(facts, pod) ? 1 : 0;
      count.ready += facts.is_ready ? 1 : 0;
      count.available += is_available(work, facts, min_ready) ? 1 : 0;
    }
  });
  for_each_pod(work, "", key.ns, [&](const PodFacts& facts, const json& pod) {
    count.has_strays = count.has_strays || (facts.is_active && is_mine(facts, pod));
  });
  return count;
}

json status_of(const json& replica_set, const Count& count) {
  return {{"replicas", count.active},
          {"fullyLabeledReplicas", count.labelled},
          {"readyReplicas", count.ready},
          {"availableReplicas", count.available},
          {"observedGeneration", number_at(replica_set, "metadata.generation", 1)}};
}

}  // namespace

std::vector<ObjectPtr> ranked_for_deletion(const std::vector<ObjectPtr>& pods) {
  std::map<std::string_view, std::int64_t> crowds;
  for (const ObjectPtr& pod : pods) {
    ++crowds[text_at(*pod, "spec.nodeName")];
  }
  std::vector<std::pair<Rank, ObjectPtr>> ranks;
  ranks.reserve(pods.size());
  for (const ObjectPtr& pod : pods) {
    ranks.emplace_back(rank_of(*pod, crowds[text_at(*pod, "spec.nodeName")]), pod);
  }
  std::sort(ranks.begin(), ranks.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ObjectPtr> ordered;
  ordered.reserve(ranks.size());
  for (auto& [rank, pod] : ranks) {
    ordered.push_back(std::move(pod));
  }
  return ordered;
}

void sync_replica_set(Work& work, const Key& key) {
  const ObjectPtr replica_set = work.store.find(key);
  if (replica_set == nullptr) {
    return;
  }
  const json* selector_json = field(*replica_set, "spec.selector");
  const model::LabelSelector selector =
      store::selector_from_json(selector_json == nullptr ? json() : *selector_json);
  const Count count = count_pods(work, key, *replica_set, selector);
  const std::int64_t wanted = std::max<std::int64_t>(number_at(*replica_set, "spec.replicas", 1), 0);
  // Whatever is written to pods here brings the set here again, and then the status is right.
  if (count.has_strays && !is_being_deleted(*replica_set)) {
    claim_owned(work, *replica_set, "pods", selector);
  } else if (!is_being_deleted(*replica_set) && count.active < wanted &&
             make_pods(work, key, *replica_set, wanted - count.active)) {
    return;
  } else if (!is_being_deleted(*replica_set) && count.active > wanted) {
    std::vector<ObjectPtr> active = claim_owned(work, *replica_set, "pods", selector);
    std::erase_if(active, [](const ObjectPtr& pod) { return !objects::is_active(*pod); });
    delete_pods(work, *replica_set, active, static_cast<std::size_t>(count.active - wanted));
  } else {
    write_status(work, key, status_of(*replica_set, count));
  }
}

}  // namespace labctl::controllers
