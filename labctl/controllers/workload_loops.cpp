#include "labctl/controllers/workload_loops.hpp"

#include "labctl/controllers/workloads/cron_job.hpp"
#include "labctl/controllers/workloads/daemon_set.hpp"
#include "labctl/controllers/workloads/deployment.hpp"
#include "labctl/controllers/workloads/job.hpp"
#include "labctl/controllers/workloads/replica_set.hpp"
#include "labctl/controllers/workloads/stateful_set.hpp"

#include <algorithm>
#include <array>

namespace labctl::controllers {
namespace {

constexpr std::array kLoops{
    WorkloadLoop{"deployments", "deployment-controller", sync_deployment, "replicasets"},
    WorkloadLoop{"replicasets", "replicaset-controller", sync_replica_set, "pods"},
    WorkloadLoop{"statefulsets", "statefulset-controller", sync_stateful_set, "pods"},
    WorkloadLoop{"daemonsets", "daemonset-controller", sync_daemon_set, "pods"},
    WorkloadLoop{"cronjobs", "cronjob-controller", sync_cron_job, ""},
    WorkloadLoop{"jobs", "job-controller", sync_job, "pods"},
};

}  // namespace

std::span<const WorkloadLoop> workload_loops() { return kLoops; }

const WorkloadLoop* find_workload_loop(std::string_view resource) {
  const auto* found = std::find_if(kLoops.begin(), kLoops.end(),
                                   [&](const WorkloadLoop& loop) { return loop.resource == resource; });
  return found == kLoops.end() ? nullptr : found;
}

}  // namespace labctl::controllers
