#pragma once

// What the pods of a Job say about it, without deciding anything: which index a pod has, whether and when it
// ended, how a failure counts, how long to wait after one. Follows the Job controller of Kubernetes
// (pkg/controller/job; concepts, "Jobs"). Pure.

#include "labctl/store/change.hpp"

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace labctl::controllers {

// Label and annotation of a pod of an Indexed Job.
inline const std::string kCompletionIndex = "batch.kubernetes.io/job-completion-index";
// Annotation: how often pods of its index failed before it, with backoffLimitPerIndex.
inline const std::string kIndexFailures = "batch.kubernetes.io/job-index-failure-count";

using JobTime = std::chrono::system_clock::time_point;

// Nothing when it has none, or none that is a number.
std::optional<std::int64_t> completion_index(const nlohmann::json& pod);

// The value of kIndexFailures, 0 without.
std::int64_t index_failures_before(const nlohmann::json& pod);

// Counts as failed: in phase Failed; and as soon as it is being deleted, unless only failed pods are replaced.
bool has_failed(const nlohmann::json& pod, bool replaces_failed_only);

// When its last container ended, else when it is to be gone, else `otherwise`.
JobTime finished_at(const nlohmann::json& pod, JobTime otherwise);

// ---- spec.podFailurePolicy ----

struct JobFailure {
  enum class Action { None, Ignore, Count, FailIndex, FailJob };
  Action action = Action::None;  // of the first rule that the failed pod meets
  std::string message;           // of FailJob, as the Job's condition has it
  bool counts() const { return action != Action::Ignore; }
};
JobFailure judge_failure(const nlohmann::json& job, const nlohmann::json& pod);

// ---- Back-off ----

// 10 s after the first failure in a row, doubled with each, at most 10 minutes.
inline constexpr std::chrono::seconds kJobBackOff{10};
inline constexpr std::chrono::minutes kJobBackOffMax{10};
std::chrono::seconds back_off_after(std::int64_t failures);

// When pods may be made again after those in phase Failed that ended since the last success. Nothing when none
// did.
std::optional<JobTime> back_off_until(const nlohmann::json& job, const std::vector<store::ObjectPtr>& pods,
                                      JobTime now);

// With restartPolicy OnFailure: restarts of the containers of pods that run or are to.
std::int64_t restarts_of(const std::vector<store::ObjectPtr>& pods);

}  // namespace labctl::controllers
