#pragma once

// CronJob: a Job at each time that a schedule names, by the lab's clock (batch/v1; concepts, "CronJob"). Times that
// passed unseen are made up for by one Job, unless startingDeadlineSeconds are over.

#include "labctl/controllers/work.hpp"

namespace labctl::controllers {

// One step for the CronJob at `key`.
void sync_cron_job(Work& work, const store::Key& key);

}  // namespace labctl::controllers
