#include "labctl/controllers/workloads/job_pods.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::list_at;
using objects::number_at;
using objects::text_at;

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_all = failure == std::errc() && end == text.data() + text.size() && number >= 0;
  return is_all ? std::optional(number) : std::nullopt;
}

// Label names have dots, so that no path leads to them.
const std::string& pod_annotation(const json& pod, const std::string& name) {
  static const std::string kNone;
  const json* annotations = field(pod, "metadata.annotations");
  const auto found = annotations == nullptr ? json::const_iterator() : annotations->find(name);
  return annotations != nullptr && found != annotations->end() && found->is_string()
             ? found->get_ref<const std::string&>()
             : kNone;
}

bool matches_exit_code(const json& rule, std::int64_t code) {
  const json& values = list_at(rule, "values");
  const bool is_listed = std::find(values.begin(), values.end(), code) != values.end();
  return is_listed == (text_at(rule, "operator") == "In");
}

// The container that ended as the rule says; a success is none of its business.
const json* matching_container(const json& pod, const json& rule) {
  const std::string& name = text_at(rule, "containerName");
  for (const char* statuses : {"status.containerStatuses", "status.initContainerStatuses"}) {
    for (const json& status : list_at(pod, statuses)) {
      const std::int64_t code = number_at(status, "state.terminated.exitCode", 0);
      if ((name.empty() || name == text_at(status, "name")) && code != 0 && matches_exit_code(rule, code)) {
        return &status;
      }
    }
  }
  return nullptr;
}

// The type of a condition that the pod has as one of the patterns says.
std::string matching_condition(const json& pod, const json& patterns) {
  for (const json& pattern : patterns) {
    const json* condition = objects::condition(pod, text_at(pattern, "type"));
    const std::string& status = text_at(pattern, "status");
    if (condition != nullptr && text_at(*condition, "status") == (status.empty() ? "True" : status)) {
      return text_at(pattern, "type");
    }
  }
  return {};
}

JobFailure::Action action_of(const json& rule) {
  using Action = JobFailure::Action;
  const std::string& action = text_at(rule, "action");
  return action == "FailJob"     ? Action::FailJob
         : action == "FailIndex" ? Action::FailIndex
         : action == "Ignore"    ? Action::Ignore
                                 : Action::Count;
}

}  // namespace

std::optional<std::int64_t> completion_index(const json& pod) {
  return whole_number(pod_annotation(pod, kCompletionIndex));
}

std::int64_t index_failures_before(const json& pod) {
  return whole_number(pod_annotation(pod, kIndexFailures)).value_or(0);
}

bool has_failed(const json& pod, bool replaces_failed_only) {
  const std::string_view phase = objects::phase_of(pod);
  return phase == "Failed" ||
         (!replaces_failed_only && objects::is_being_deleted(pod) && phase != "Succeeded");
}

JobTime finished_at(const json& pod, JobTime otherwise) {
  std::optional<JobTime> last;
  for (const json& status : list_at(pod, "status.containerStatuses")) {
    if (const auto ended = parse_timestamp(text_at(status, "state.terminated.finishedAt"))) {
      last = last ? std::max(*last, *ended) : *ended;
    }
  }
  if (!last) {
    last = parse_timestamp(text_at(pod, "metadata.deletionTimestamp"));
  }
  return last.value_or(otherwise);
}

JobFailure judge_failure(const json& job, const json& pod) {
  const json& rules = list_at(job, "spec.podFailurePolicy.rules");
  const std::string name = objects::namespace_of(pod) + "/" + objects::name_of(pod);
  for (std::size_t index = 0; index < rules.size(); ++index) {
    const json& rule = rules[index];
    JobFailure failure{action_of(rule), {}};
    const std::string tail = " matching FailJob rule at index " + std::to_string(index);
    if (const json* exit_codes = field(rule, "onExitCodes")) {
      const json* container = matching_container(pod, *exit_codes);
      if (container == nullptr) {
        continue;
      }
      failure.message = "Container " + text_at(*container, "name") + " for pod " + name +
                        " failed with exit code " +
                        std::to_string(number_at(*container, "state.terminated.exitCode", 0)) + tail;
      return failure;
    }
    const std::string condition = matching_condition(pod, list_at(rule, "onPodConditions"));
    if (!condition.empty()) {
      failure.message = "Pod " + name + " has condition " + condition + tail;
      return failure;
    }
  }
  return {};
}

std::chrono::seconds back_off_after(std::int64_t failures) {
  std::chrono::seconds wait{0};
  for (std::int64_t i = 0; i < failures && wait < kJobBackOffMax; ++i) {
    wait = i == 0 ? kJobBackOff : std::min<std::chrono::seconds>(wait * 2, kJobBackOffMax);
  }
  return wait;
}

std::optional<JobTime> back_off_until(const json& job, const std::vector<store::ObjectPtr>& pods,
                                      JobTime now) {
  std::optional<JobTime> last_success;
  for (const store::ObjectPtr& pod : pods) {
    if (objects::phase_of(*pod) == "Succeeded") {
      const JobTime at = finished_at(*pod, now);
      last_success = last_success ? std::max(*last_success, at) : at;
    }
  }
  std::int64_t failures = 0;
  std::optional<JobTime> last_failure;
  for (const store::ObjectPtr& pod : pods) {
    if (objects::phase_of(*pod) != "Failed") {
      continue;
    }
    const JobTime at = finished_at(*pod, now);
    if ((!last_success || at > *last_success) && judge_failure(job, *pod).counts()) {
      ++failures;
      last_failure = last_failure ? std::max(*last_failure, at) : at;
    }
  }
  return last_failure ? std::optional(*last_failure + back_off_after(failures)) : std::nullopt;
}

std::int64_t restarts_of(const std::vector<store::ObjectPtr>& pods) {
  std::int64_t restarts = 0;
  for (const store::ObjectPtr& pod : pods) {
    if (objects::is_finished(*pod)) {
      continue;
    }
    for (const char* statuses : {"status.initContainerStatuses", "status.containerStatuses"}) {
      for (const json& status : list_at(*pod, statuses)) {
        restarts += number_at(status, "restartCount", 0);
      }
    }
  }
  return restarts;
}

}  // namespace labctl::controllers
