#pragma once

// Job: pods until so many of them have succeeded (batch/v1; concepts, "Jobs"). How each pod ended is counted once:
// the pods have the finalizer batch.kubernetes.io/job-tracking until then. A Job is over in two steps: the condition
// SuccessCriteriaMet or FailureTarget says how, its pods go, and Complete or Failed says that none is left.

#include "labctl/controllers/work.hpp"

namespace labctl::controllers {

// One step for the Job at `key`.
void sync_job(Work& work, const store::Key& key);

}  // namespace labctl::controllers
