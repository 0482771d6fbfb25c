#include "labctl/report/objects/job_cells.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/fields.hpp"
#include "topology/base/timestamp.hpp"

#include <nlohmann/json.hpp>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

bool has_condition(const Json& object, const char* type) {
  for (const Json& condition : list(object, "/status/conditions")) {
    if (text(condition, "/type") == type && text(condition, "/status") == "True") {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string job_status(const Json& job) {
  for (const char* type : {"Complete", "Failed"}) {
    if (has_condition(job, type)) {
      return type;
    }
  }
  if (!text(job, "/metadata/deletionTimestamp").empty()) {
    return "Terminating";
  }
  for (const char* type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"}) {
    if (has_condition(job, type)) {
      return type;
    }
  }
  return "Running";
}

std::string job_completions(const Json& job) {
  const std::string succeeded = std::to_string(number(job, "/status/succeeded"));
  if (const std::string wanted = text(job, "/spec/completions"); !wanted.empty()) {
    return succeeded + "/" + wanted;
  }
  const long long parallelism = number(job, "/spec/parallelism");
  return succeeded + "/1" + (parallelism > 1 ? " of " + std::to_string(parallelism) : "");
}

std::string job_duration(const Json& job, std::chrono::system_clock::time_point now) {
  const std::string begin = text(job, "/status/startTime");
  const auto end = parse_timestamp(text(job, "/status/completionTime"));
  return begin.empty() ? std::string() : age_since(begin, end.value_or(now));
}

std::string last_schedule(const Json& cron_job, std::chrono::system_clock::time_point now) {
  const std::string last = text(cron_job, "/status/lastScheduleTime");
  return last.empty() ? "<none>" : age_since(last, now);
}

}  // namespace labctl::report
