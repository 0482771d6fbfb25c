#include "labctl/controllers/workloads/job.hpp"

#include "labctl/controllers/workloads/job_pods.hpp"
#include "labctl/controllers/workloads/job_state.hpp"
#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/conditions.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::condition;
using objects::field;
using objects::is_being_deleted;
using objects::name_of;
using objects::number_at;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

constexpr const char* kControllerUid = "batch.kubernetes.io/controller-uid";
constexpr const char* kOldControllerUid = "controller-uid";
constexpr const char* kJobName = "batch.kubernetes.io/job-name";
constexpr const char* kOldJobName = "job-name";
constexpr std::string_view kOurs = "kubernetes.io/job-controller";

std::optional<std::int64_t> number_in(const json& object, std::string_view path) {
  const json* value = field(object, path);
  return value != nullptr && value->is_number_integer() ? std::optional(value->get<std::int64_t>())
                                                        : std::nullopt;
}

model::IndexSet indexes_in(const json& job, std::string_view path) {
  return model::IndexSet::parse(text_at(job, path)).value_or(model::IndexSet{});
}

bool has_condition(const json& job, std::string_view type) {
  const json* found = condition(job, type);
  return found != nullptr && text_at(*found, "status") == "True";
}

// How a Job ends: the condition that says so first.
struct End {
  std::string type;  // SuccessCriteriaMet or FailureTarget
  std::string reason;
  std::string message;
  bool is_success() const { return type == "SuccessCriteriaMet"; }
};

std::optional<End> failure(std::string reason, std::string message) {
  return End{"FailureTarget", std::move(reason), std::move(message)};
}

// ---- Its own pods, by its uid -------------------------------------------------------------------

// What the API server writes when a Job is created: it knows the uid, which nobody else does.
bool identify(Work& work, const Key& key, const json& job) {
  if (objects::is_true_at(job, "spec.manualSelector")) {
    return false;
  }
  const std::string& uid = objects::uid_of(job);
  const json selector = {{"matchLabels", {{kControllerUid, uid}}}};
  const json* present = field(job, "spec.selector");
  if (present != nullptr && *present == selector) {
    return false;
  }
  work.store.modify(key, [&](json& object) {
    object["spec"]["selector"] = selector;
    json& labels = object["spec"]["template"]["metadata"]["labels"];
    for (const char* name : {kControllerUid, kOldControllerUid}) {
      labels[name] = uid;
    }
    for (const char* name : {kJobName, kOldJobName}) {
      labels[name] = key.name;
    }
  });
  return true;
}

// ---- Counting -----------------------------------------------------------------------------------

void count_success(JobState& state, const json& pod) {
  if (!state.is_indexed) {
    ++state.succeeded;
  } else if (const auto index = completion_index(pod); index && *index < state.completions.value_or(0)) {
    state.completed_indexes.add(*index);
  }
}

void count_failure(JobState& state, const json& pod, std::optional<End>& end) {
  const auto index = completion_index(pod);
  if (state.is_indexed && (!index || *index >= state.completions.value_or(0))) {
    return;
  }
  JobFailure verdict = judge_failure(*state.job, pod);
  if (verdict.action == JobFailure::Action::FailJob && !end) {
    end = failure("PodFailurePolicy", std::move(verdict.message));
  }
  state.failed += verdict.counts() ? 1 : 0;
  const bool is_index_over =
      verdict.action == JobFailure::Action::FailIndex ||
      (verdict.counts() && index_failures_before(pod) >= state.backoff_limit_per_index.value_or(0));
  if (state.backoff_limit_per_index && index && is_index_over && !state.completed_indexes.contains(*index)) {
    state.failed_indexes.add(*index);
  }
}

// Counts each pod that ended and has not been counted: the finalizer says so, and goes.
void count_ended(JobState& state, std::optional<End>& end) {
  for (const ObjectPtr& pod : state.pods) {
    const bool has_succeeded = objects::phase_of(*pod) == "Succeeded";
    if (!objects::has_finalizer(*pod, objects::kJobTracking) ||
        (!has_succeeded && !has_failed(*pod, state.replaces_failed_only))) {
      continue;
    }
    state.work.store.modify({"pods", state.key.ns, name_of(*pod)},
                            [](json& object) { objects::drop_finalizer(object, objects::kJobTracking); });
    if (has_succeeded) {
      count_success(state, *pod);
    } else {
      count_failure(state, *pod, end);
    }
  }
  if (state.is_indexed) {
    state.completed_indexes = state.completed_indexes.below(state.completions.value_or(0));
    state.succeeded = state.completed_indexes.size();
  }
}

// ---- Whether it is over -------------------------------------------------------------------------

std::optional<End> end_by_backoff(const JobState& state) {
  bool is_past = state.failed > state.backoff_limit;
  if (state.is_on_failure && !is_past) {
    const std::int64_t restarts = restarts_of(state.active);
    is_past = state.backoff_limit == 0 ? restarts > 0 : restarts >= state.backoff_limit;
  }
  return is_past ? failure("BackoffLimitExceeded", "Job has reached the specified backoff limit")
                 : std::nullopt;
}

std::optional<End> end_by_deadline(const JobState& state, const json& status) {
  const auto seconds = number_in(*state.job, "spec.activeDeadlineSeconds");
  const auto begin = parse_timestamp(text_at(status, "startTime"));
  if (!seconds || !begin || state.is_suspended) {
    return std::nullopt;
  }
  // A deadline after the end of time is none.
  const std::chrono::seconds left(std::min<std::int64_t>(*seconds, INT32_MAX));
  if (*begin + left <= state.work.now) {
    return failure("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  state.work.look_again_at(*begin + left);
  return std::nullopt;
}

std::optional<End> end_by_indexes(const JobState& state) {
  if (!state.is_indexed || !state.backoff_limit_per_index) {
    return std::nullopt;
  }
  const auto most = number_in(*state.job, "spec.maxFailedIndexes");
  if (most && state.failed_indexes.size() > *most) {
    return failure("MaxFailedIndexesExceeded",
                   "Job has exceeded the specified maximal number of failed indexes");
  }
  if (!state.failed_indexes.empty() &&
      state.failed_indexes.size() + state.succeeded >= state.completions.value_or(0)) {
    return failure("FailedIndexes", "Job has failed indexes");
  }
  return std::nullopt;
}

std::optional<End> end_by_success_policy(const JobState& state) {
  const json& rules = objects::list_at(*state.job, "spec.successPolicy.rules");
  for (std::size_t i = 0; state.is_indexed && i < rules.size(); ++i) {
    const auto count = number_in(rules[i], "succeededCount");
    const json* listed = field(rules[i], "succeededIndexes");
    const model::IndexSet wanted = indexes_in(rules[i], "succeededIndexes");
    const std::int64_t met = listed == nullptr ? state.succeeded : wanted.count_of(state.completed_indexes);
    if (met >= count.value_or(listed == nullptr ? state.completions.value_or(0) : wanted.size())) {
      return End{"SuccessCriteriaMet", "SuccessPolicy", "Matched rules at index " + std::to_string(i)};
    }
  }
  return std::nullopt;
}

std::optional<End> end_by_completions(const JobState& state) {
  const bool is_enough = state.completions ? state.succeeded >= *state.completions : state.succeeded > 0;
  return is_enough && state.active.empty() ? std::optional(End{"SuccessCriteriaMet", "CompletionsReached",
                                                               "Reached expected number of succeeded pods"})
                                           : std::nullopt;
}

// In the order in which the controller of Kubernetes asks.
std::optional<End> find_end(const JobState& state, const json& status, std::optional<End> by_policy) {
  for (const char* type : {"FailureTarget", "SuccessCriteriaMet"}) {
    if (const json* found = condition(*state.job, type);
        found != nullptr && has_condition(*state.job, type)) {
      return End{type, text_at(*found, "reason"), text_at(*found, "message")};
    }
  }
  if (by_policy) {
    return by_policy;
  }
  for (const auto& end : {end_by_backoff(state), end_by_deadline(state, status), end_by_indexes(state),
                          end_by_success_policy(state)}) {
    if (end) {
      return end;
    }
  }
  return std::nullopt;
}

// ---- Status -------------------------------------------------------------------------------------

void write_counts(const JobState& state, json& status) {
  status["active"] = state.active.size();
  status["ready"] = state.ready;
  status["terminating"] = state.terminating;
  status["succeeded"] = state.succeeded;
  status["failed"] = state.failed;
  status["uncountedTerminatedPods"] = json::object();
  if (state.is_indexed && !state.completed_indexes.empty()) {
    status["completedIndexes"] = state.completed_indexes.text();
  }
  if (state.backoff_limit_per_index) {
    status["failedIndexes"] = state.failed_indexes.text();
  }
}

void tell(const JobState& state, objects::EventType type, std::string_view reason, std::string_view message) {
  objects::record(state.work.store, *state.job, type, reason, message, kJobComponent);
}

// All its pods go; once they have gone it is over.
void finish(JobState& state, const End& end, json& status) {
  for (const ObjectPtr& pod : state.active) {
    delete_job_pod(state, pod, true);
  }
  state.look_at_pods();
  objects::set_condition(status, end.type, "True", state.work.now, end.reason, end.message);
  if (!state.active.empty() || state.terminating > 0) {
    return;
  }
  objects::set_condition(status, end.is_success() ? "Complete" : "Failed", "True", state.work.now, end.reason,
                         end.message);
  if (end.is_success()) {
    status["completionTime"] = timestamp(state.work.now);
    tell(state, objects::EventType::Normal, "Completed", "Job completed");
  } else {
    tell(state, objects::EventType::Warning, end.reason, end.message);
  }
}

// Whether it was suspended or resumed just now is told, and its time begins anew.
void note_suspension(const JobState& state, json& status) {
  const bool was_suspended = has_condition(*state.job, "Suspended");
  if (state.is_suspended == was_suspended) {
    return;
  }
  const char* reason = state.is_suspended ? "JobSuspended" : "JobResumed";
  const char* message = state.is_suspended ? "Job suspended" : "Job resumed";
  objects::set_condition(status, "Suspended", state.is_suspended ? "True" : "False", state.work.now, reason,
                         message);
  tell(state, objects::EventType::Normal, state.is_suspended ? "Suspended" : "Resumed", message);
  if (!state.is_suspended) {
    status["startTime"] = timestamp(state.work.now);
  }
}

void remove_when_due(const JobState& state) {
  const auto ttl = number_in(*state.job, "spec.ttlSecondsAfterFinished");
  const json* over = condition(*state.job, has_condition(*state.job, "Complete") ? "Complete" : "Failed");
  const auto since = over == nullptr ? std::nullopt : parse_timestamp(text_at(*over, "lastTransitionTime"));
  if (!ttl || !since || is_being_deleted(*state.job)) {
    return;
  }
  const JobTime due = *since + std::chrono::seconds(*ttl);
  if (due > state.work.now) {
    state.work.look_again_at(due);
    return;
  }
  objects::DeleteOptions options;
  options.waits_for_dependents = true;
  objects::delete_object(state.work.store, state.key, options);
}

}  // namespace

JobState::JobState(Work& its_work, Key its_key, ObjectPtr its_job)
    : work(its_work), key(std::move(its_key)), job(std::move(its_job)) {
  parallelism = std::max<std::int64_t>(number_at(*job, "spec.parallelism", 1), 0);
  completions = number_in(*job, "spec.completions");
  backoff_limit_per_index = number_in(*job, "spec.backoffLimitPerIndex");
  backoff_limit = number_at(*job, "spec.backoffLimit", backoff_limit_per_index ? INT32_MAX : backoff_limit);
  is_indexed = text_at(*job, "spec.completionMode") == "Indexed";
  is_suspended = objects::is_true_at(*job, "spec.suspend");
  replaces_failed_only = text_at(*job, "spec.podReplacementPolicy") == "Failed" ||
                         field(*job, "spec.podFailurePolicy") != nullptr;
  is_on_failure = text_at(*job, "spec.template.spec.restartPolicy") == "OnFailure";
  succeeded = number_at(*job, "status.succeeded", 0);
  failed = number_at(*job, "status.failed", 0);
  completed_indexes = indexes_in(*job, "status.completedIndexes");
  failed_indexes = indexes_in(*job, "status.failedIndexes");
}

void JobState::look_at_pods() {
  const json* selector = field(*job, "spec.selector");
  pods = claim_owned(work, *job, "pods", store::selector_from_json(selector == nullptr ? json() : *selector));
  active.clear();
  ready = terminating = 0;
  for (const ObjectPtr& pod : pods) {
    if (objects::is_active(*pod)) {
      active.push_back(pod);
      ready += objects::is_ready(*pod) ? 1 : 0;
    } else if (is_being_deleted(*pod) && !objects::is_finished(*pod)) {
      ++terminating;
    }
  }
}

void sync_job(Work& work, const Key& key) {
  const ObjectPtr job = work.store.find(key);
  const std::string& manager = job == nullptr ? key.name : text_at(*job, "spec.managedBy");
  if (job == nullptr || (!manager.empty() && manager != kOurs)) {
    return;
  }
  if (!is_being_deleted(*job) && identify(work, key, *job)) {
    return;  // what was written brings it back
  }
  JobState state(work, key, job);
  state.look_at_pods();
  std::optional<End> by_policy;
  if (has_condition(*job, "Complete") || has_condition(*job, "Failed")) {
    count_ended(state, by_policy);  // nothing holds them any more
    remove_when_due(state);
    return;
  }
  const json* present = field(*job, "status");
  json status = present == nullptr ? json::object() : *present;
  count_ended(state, by_policy);
  if (!status.contains("startTime") && !state.is_suspended) {
    status["startTime"] = timestamp(work.now);
  }
  std::optional<End> end = find_end(state, status, std::move(by_policy));
  if (!end && !is_being_deleted(*job)) {
    scale_job(state);
    end = end_by_completions(state);
    if (!end) {
      note_suspension(state, status);
    }
  }
  if (end) {
    finish(state, *end, status);
  }
  write_counts(state, status);
  write_status(work, key, std::move(status));
}

}  // namespace labctl::controllers
