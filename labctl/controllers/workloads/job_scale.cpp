// Making and removing the pods of a Job.

#include "labctl/controllers/workloads/job_pods.hpp"
#include "labctl/controllers/workloads/job_state.hpp"
#include "labctl/controllers/workloads/replica_set.hpp"
#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "labctl/objects/pod_admission.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::name_of;
using store::Key;
using store::ObjectPtr;

// What a generated name keeps of its prefix.
constexpr std::size_t kPrefixMax = objects::kLabelMax - 5;
// Pods made or deleted at one look, as there.
constexpr std::int64_t kPodsAtOnce = 500;

// The pods of one index that ended before, as far as they are still there.
struct Past {
  std::int64_t failures = 0;
  std::optional<JobTime> last_failure;
};

std::int64_t wanted_of(const JobState& state) {
  if (state.is_suspended) {
    return 0;
  }
  const auto active = static_cast<std::int64_t>(state.active.size());
  if (!state.completions) {
    // Once one has succeeded the others are left to end by themselves.
    return state.succeeded > 0 ? active : state.parallelism;
  }
  const std::int64_t left = *state.completions - state.succeeded - state.failed_indexes.size();
  return std::clamp<std::int64_t>(left, 0, state.parallelism);
}

// Of an Indexed Job first those that nobody needs: of an index that is done, too high, or taken by another.
std::vector<ObjectPtr> ordered_for_removal(const JobState& state, std::size_t& must_go) {
  must_go = 0;
  if (!state.is_indexed) {
    return ranked_for_deletion(state.active);
  }
  std::set<std::int64_t> seen;
  std::vector<ObjectPtr> useless;
  std::vector<ObjectPtr> useful;
  for (const ObjectPtr& pod : state.active) {
    const auto index = completion_index(*pod);
    const bool is_needed = index && *index < state.completions.value_or(0) &&
                           !state.completed_indexes.contains(*index) && seen.insert(*index).second;
    (is_needed ? useful : useless).push_back(pod);
  }
  must_go = useless.size();
  const std::vector<ObjectPtr> ranked = ranked_for_deletion(useful);
  useless.insert(useless.end(), ranked.begin(), ranked.end());
  return useless;
}

// Whether any was to go.
bool remove_pods(JobState& state, std::int64_t wanted) {
  std::size_t must_go = 0;
  const std::vector<ObjectPtr> ordered = ordered_for_removal(state, must_go);
  const std::int64_t surplus = static_cast<std::int64_t>(state.active.size()) - wanted;
  const auto count =
      static_cast<std::size_t>(std::min(std::max(surplus, static_cast<std::int64_t>(must_go)), kPodsAtOnce));
  for (std::size_t i = 0; i < std::min(count, ordered.size()); ++i) {
    delete_job_pod(state, ordered[i], false);
  }
  return count > 0;
}

std::map<std::int64_t, Past> past_of(const JobState& state) {
  std::map<std::int64_t, Past> past;
  for (const ObjectPtr& pod : state.pods) {
    const auto index = completion_index(*pod);
    if (!index || objects::phase_of(*pod) != "Failed") {
      continue;
    }
    Past& one = past[*index];
    const bool counts = judge_failure(*state.job, *pod).counts();
    one.failures = std::max(one.failures, index_failures_before(*pod) + (counts ? 1 : 0));
    const JobTime at = finished_at(*pod, state.work.now);
    if (counts && (!one.last_failure || at > *one.last_failure)) {
      one.last_failure = at;
    }
  }
  return past;
}

// The lowest indexes that have neither a pod nor a result, as many as `count`; asks to be called again for those
// whose back-off runs.
std::vector<std::int64_t> free_indexes(const JobState& state, const std::map<std::int64_t, Past>& past,
                                       std::int64_t count) {
  std::set<std::int64_t> taken;
  for (const ObjectPtr& pod : state.pods) {
    const bool stays =
        objects::is_active(*pod) || (state.replaces_failed_only && !objects::is_finished(*pod));
    if (const auto index = completion_index(*pod); index && stays) {
      taken.insert(*index);
    }
  }
  std::vector<std::int64_t> indexes;
  for (std::int64_t index = 0;
       index < state.completions.value_or(0) && static_cast<std::int64_t>(indexes.size()) < count; ++index) {
    if (taken.contains(index) || state.completed_indexes.contains(index) ||
        state.failed_indexes.contains(index)) {
      continue;
    }
    const auto before = past.find(index);
    if (state.backoff_limit_per_index && before != past.end() && before->second.last_failure) {
      const JobTime at = *before->second.last_failure + back_off_after(before->second.failures);
      if (at > state.work.now) {
        state.work.look_again_at(at);
        continue;
      }
    }
    indexes.push_back(index);
  }
  return indexes;
}

void add_index(json& pod, const JobState& state, std::int64_t index,
               const std::map<std::int64_t, Past>& past) {
  const std::string number = std::to_string(index);
  json& metadata = pod["metadata"];
  metadata["annotations"][kCompletionIndex] = number;
  metadata["labels"][kCompletionIndex] = number;
  if (state.backoff_limit_per_index) {
    const auto before = past.find(index);
    metadata["annotations"][kIndexFailures] =
        std::to_string(before == past.end() ? 0 : before->second.failures);
  }
  pod["spec"]["hostname"] = state.key.name + "-" + number;
  const json variable = {
      {"name", "JOB_COMPLETION_INDEX"},
      {"valueFrom",
       {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "metadata.labels['" + kCompletionIndex + "']"}}}}}};
  for (const char* containers : {"initContainers", "containers"}) {
    if (const auto found = pod["spec"].find(containers); found != pod["spec"].end()) {
      for (json& container : *found) {
        const json& present = objects::list_at(container, "env");
        if (std::none_of(present.begin(), present.end(), [](const json& one) {
              return objects::text_at(one, "name") == "JOB_COMPLETION_INDEX";
            })) {
          container["env"].push_back(variable);
        }
      }
    }
  }
}

// "NAME-" or "NAME-INDEX-", the name cut so that the index stays.
std::string prefix_of(const JobState& state, std::optional<std::int64_t> index) {
  const std::string tail = index ? "-" + std::to_string(*index) + "-" : "-";
  return state.key.name.substr(0, kPrefixMax - std::min(kPrefixMax, tail.size())) + tail;
}

void make_pods(JobState& state, std::int64_t count) {
  Work& work = state.work;
  const json* pod_template = field(*state.job, "spec.template");
  json base = pod_from_template(*state.job, pod_template == nullptr ? json::object() : *pod_template);
  base["metadata"]["finalizers"] = json::array({objects::kJobTracking});
  objects::fill_in_new_pod(work.store, base);
  const auto past = past_of(state);
  const std::vector<std::int64_t> indexes =
      state.is_indexed ? free_indexes(state, past, count) : std::vector<std::int64_t>{};
  const std::int64_t most =
      std::min(state.is_indexed ? static_cast<std::int64_t>(indexes.size()) : count, kPodsAtOnce);
  for (std::int64_t made = 0; made < most && !work.is_enough(static_cast<std::size_t>(made));) {
    if (!may_make_pod(work, *state.job, kJobComponent)) {
      return;
    }
    json pod = base;
    std::optional<std::int64_t> index;
    if (state.is_indexed) {
      index = indexes[static_cast<std::size_t>(made)];
      add_index(pod, state, *index, past);
    }
    const std::string prefix = prefix_of(state, index);
    pod["metadata"]["generateName"] = prefix;
    const Key key{"pods", state.key.ns,
                  objects::generated_name(prefix, work.store.next_in_sequence(objects::uid_of(*state.job)))};
    if (work.store.find(key) != nullptr) {
      continue;  // another number, then
    }
    work.store.create(key, std::move(pod));
    if (made++ < objects::kEventsPerSync) {
      objects::record(work.store, *state.job, objects::EventType::Normal, "SuccessfulCreate",
                      "Created pod: " + key.name, kJobComponent);
    }
  }
}

}  // namespace

void delete_job_pod(JobState& state, const ObjectPtr& pod, bool is_counted) {
  const Key key{"pods", state.key.ns, name_of(*pod)};
  if (!is_counted) {
    state.work.store.modify(key,
                            [](json& object) { objects::drop_finalizer(object, objects::kJobTracking); });
  }
  objects::delete_object(state.work.store, key);
  objects::record(state.work.store, *state.job, objects::EventType::Normal, "SuccessfulDelete",
                  "Deleted pod: " + key.name, kJobComponent);
}

void scale_job(JobState& state) {
  const std::int64_t wanted = wanted_of(state);
  if (remove_pods(state, wanted)) {
    state.look_at_pods();
    return;
  }
  const std::int64_t missing = wanted - static_cast<std::int64_t>(state.active.size()) -
                               (state.replaces_failed_only ? state.terminating : 0);
  if (missing <= 0) {
    return;
  }
  if (!state.backoff_limit_per_index) {
    const auto until = back_off_until(*state.job, state.pods, state.work.now);
    if (until && *until > state.work.now) {
      state.work.look_again_at(*until);
      return;
    }
  }
  make_pods(state, missing);
  state.look_at_pods();
}

}  // namespace labctl::controllers
