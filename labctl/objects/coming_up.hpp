#pragma once

// Whether what a lab was booted with has come up: pods that are ready or have done their work, workloads that have
// made their pods, Jobs that are complete. And what keeps the others.

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace labctl::objects {

enum class ComingUp {
  Up,
  UnderWay,  // may come up by itself
  Stuck,     // will not, unless something else changes: it is to be told, and not waited for
};

// An object of `resource` ("pods", "jobs", "statefulsets", ...); kinds that make no pods are up.
// A pod is up when it is Ready or Succeeded, a Job's pod when it has finished: how, its Job judges. So is what is
// being deleted, and a failed pod that its workload replaces. Stuck are pods that no node takes, whose scheduling
// gates are closed, that failed, or that wait for a readiness gate that none but a client opens; and Jobs that
// failed. A workload is under way while pods are to be made; those that there are speak for themselves.
ComingUp coming_up(std::string_view resource, const nlohmann::json& object);

// Why it is not up, in the words of its status, one cause a line: "Unschedulable: 0/2 nodes are available: ...",
// "container app: waiting: CrashLoopBackOff: back-off ...". `warning` is what the last warning about it said
// ("Readiness probe failed: ..."), or empty; it is left out when the status says the same. Never empty.
std::vector<std::string> why_not_up(std::string_view resource, const nlohmann::json& object,
                                    const std::string& warning);

}  // namespace labctl::objects
