#pragma once

// A Job at one look: what its spec asks for, what its pods are, and the status that is to be written. Filled by
// job.cpp; job_scale.cpp makes and removes pods by it.

#include "labctl/controllers/work.hpp"
#include "topology/model/index_set.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::controllers {

inline constexpr std::string_view kJobComponent = "job-controller";

struct JobState {
  JobState(Work& its_work, store::Key its_key, store::ObjectPtr its_job);

  Work& work;
  store::Key key;
  store::ObjectPtr job;

  // ---- spec, with its defaults ----
  std::int64_t parallelism = 1;
  std::optional<std::int64_t> completions;
  std::int64_t backoff_limit = 6;
  std::optional<std::int64_t> backoff_limit_per_index;
  bool is_indexed = false;
  bool is_suspended = false;
  bool replaces_failed_only = false;  // podReplacementPolicy: Failed
  bool is_on_failure = false;         // restartPolicy of its pods

  // ---- pods ----
  std::vector<store::ObjectPtr> pods;
  std::vector<store::ObjectPtr> active;
  std::int64_t ready = 0;
  std::int64_t terminating = 0;  // being deleted, and not ended yet

  // ---- counted so far ----
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  model::IndexSet completed_indexes;
  model::IndexSet failed_indexes;

  // Reads the pods anew: after some were made or deleted.
  void look_at_pods();
};

// Brings the active pods to the number that the Job wants, as far as it may now: removes what is too much, makes
// what is missing unless a back-off runs. With `is_suspended` none is wanted.
void scale_job(JobState& state);

// Deletes a pod of the Job, and tells. One that `is_counted` will be counted as failed.
void delete_job_pod(JobState& state, const store::ObjectPtr& pod, bool is_counted);

}  // namespace labctl::controllers
