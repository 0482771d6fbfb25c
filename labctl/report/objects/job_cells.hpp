#pragma once

// Cells of Jobs and CronJobs as kubectl prints them (pkg/printers/internalversion).

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace labctl::report {

// "Complete", "Failed", "Suspended", "Terminating", "FailureTarget", "SuccessCriteriaMet" or "Running".
std::string job_status(const nlohmann::json& job);
// "2/3"; without completions "0/1 of 4", or "0/1" with one pod at a time.
std::string job_completions(const nlohmann::json& job);
// From its start to its completion or until now; empty before its start.
std::string job_duration(const nlohmann::json& job, std::chrono::system_clock::time_point now);
// How long ago a CronJob was due last; "<none>" when it was not.
std::string last_schedule(const nlohmann::json& cron_job, std::chrono::system_clock::time_point now);

}  // namespace labctl::report
