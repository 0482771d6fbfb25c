#include "labctl/controllers/workloads/cron_job.hpp"

#include "labctl/controllers/workloads/workload.hpp"
#include "labctl/objects/deletion.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/base/timestamp.hpp"
#include "topology/manifest/defaults.hpp"
#include "topology/model/cron_schedule.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::is_being_deleted;
using objects::name_of;
using objects::number_at;
using objects::text_at;
using objects::uid_of;
using store::Key;
using store::ObjectPtr;
using CronTime = std::chrono::system_clock::time_point;

constexpr std::string_view kCronJobComponent = "cronjob-controller";
constexpr const char* kScheduledAt = "batch.kubernetes.io/cronjob-scheduled-timestamp";

// "Complete" or "Failed"; empty: neither.
std::string ending_of(const json& job) {
  for (const char* type : {"Complete", "Failed"}) {
    const json* found = objects::condition(job, type);
    if (found != nullptr && text_at(*found, "status") == "True") {
      return type;
    }
  }
  return {};
}

struct CronState {
  Work& work;
  const Key& key;
  const json& cron;
  std::vector<ObjectPtr> jobs;
  json status;

  void tell(objects::EventType type, std::string_view reason, std::string_view message) const {
    objects::record(work.store, cron, type, reason, message, kCronJobComponent);
  }
  bool is_active(const json& job) const {
    const json& active = objects::list_at(status, "active");
    return std::any_of(active.begin(), active.end(),
                       [&](const json& one) { return text_at(one, "uid") == uid_of(job); });
  }
  void drop_active(const std::string& uid) {
    json& active = status["active"];
    active.erase(std::remove_if(active.begin(), active.end(),
                                [&](const json& one) { return text_at(one, "uid") == uid; }),
                 active.end());
  }
};

std::vector<ObjectPtr> jobs_of(const Work& work, const json& cron, const std::string& ns) {
  std::vector<ObjectPtr> jobs;
  for (const auto& [key, object] : work.store.owned_by(uid_of(cron))) {
    const json* controller = objects::controller_of(*object);
    if (key.resource == "jobs" && key.ns == ns && controller != nullptr &&
        text_at(*controller, "uid") == uid_of(cron)) {
      jobs.push_back(object);
    }
  }
  return jobs;
}

// The Jobs that were running: which have ended, and which are gone.
void note_ends(CronState& state) {
  for (const ObjectPtr& job : state.jobs) {
    const std::string ending = ending_of(*job);
    if (!state.is_active(*job)) {
      if (ending.empty()) {
        state.tell(objects::EventType::Warning, "UnexpectedJob",
                   "Saw a job that the controller did not create or forgot: " + name_of(*job));
      }
      continue;
    }
    if (ending.empty()) {
      continue;
    }
    state.drop_active(uid_of(*job));
    state.tell(objects::EventType::Normal, "SawCompletedJob",
               "Saw completed job: " + name_of(*job) + ", condition: " + ending);
    const std::string& completed = text_at(*job, "status.completionTime");
    if (!completed.empty() && completed > text_at(state.status, "lastSuccessfulTime")) {
      state.status["lastSuccessfulTime"] = completed;
    }
  }
  const json active = objects::list_at(state.status, "active");
  for (const json& one : active) {
    const bool is_there = std::any_of(state.jobs.begin(), state.jobs.end(), [&](const ObjectPtr& job) {
      return uid_of(*job) == text_at(one, "uid");
    });
    if (!is_there) {
      state.tell(objects::EventType::Normal, "MissingJob",
                 "Active job went missing: " + text_at(one, "name"));
      state.drop_active(text_at(one, "uid"));
    }
  }
}

// RFC 3339 on the clocks of `zone`: "2026-03-29T03:00:00+02:00".
std::string local_timestamp(CronTime time, const TimeZone& zone) {
  const auto moment = std::chrono::floor<std::chrono::seconds>(time);
  const std::chrono::seconds offset = zone.offset_at(moment);
  std::string text = timestamp(moment + offset);
  if (offset.count() == 0) {
    return text;
  }
  text.pop_back();
  const auto away = std::chrono::abs(std::chrono::duration_cast<std::chrono::minutes>(offset)).count();
  std::array<char, 16> tail{};
  std::snprintf(tail.data(), tail.size(), "%c%02d:%02d", offset.count() < 0 ? '-' : '+',
                static_cast<int>(away / 60) % 100, static_cast<int>(away % 60));
  return text + tail.data();
}

// As the API server would have it: with its defaults.
json job_for(const CronState& state, const std::string& name, CronTime due, const TimeZone& zone) {
  const json* wanted = field(state.cron, "spec.jobTemplate");
  const json* spec = wanted == nullptr ? nullptr : field(*wanted, "spec");
  json metadata{{"name", name},
                {"namespace", state.key.ns},
                {"ownerReferences", json::array({objects::owner_reference(state.cron)})}};
  for (const char* copied : {"labels", "annotations"}) {
    const json* value = wanted == nullptr ? nullptr : field(*wanted, std::string("metadata.") + copied);
    if (value != nullptr) {
      metadata[copied] = *value;
    }
  }
  metadata["annotations"][kScheduledAt] = local_timestamp(due, zone);
  json job{{"apiVersion", "batch/v1"},
           {"kind", "Job"},
           {"metadata", std::move(metadata)},
           {"spec", spec == nullptr ? json::object() : *spec}};
  manifest::fill_in_defaults(job, "Job");
  return job;
}

void delete_job(CronState& state, const ObjectPtr& job) {
  objects::delete_object(state.work.store, {"jobs", state.key.ns, name_of(*job)});
  state.drop_active(uid_of(*job));
  state.tell(objects::EventType::Normal, "SuccessfulDelete", "Deleted job " + name_of(*job));
}

void start_job(CronState& state, CronTime due, const TimeZone& zone) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(due.time_since_epoch()).count();
  const Key job{"jobs", state.key.ns, state.key.name + "-" + std::to_string(minutes)};
  if (state.work.store.find(job) != nullptr || text_at(state.status, "lastScheduleTime") == timestamp(due)) {
    return;  // started already
  }
  const std::string& policy = text_at(state.cron, "spec.concurrencyPolicy");
  if (policy == "Forbid" && !objects::list_at(state.status, "active").empty()) {
    state.tell(objects::EventType::Normal, "JobAlreadyActive",
               "Not starting job because prior execution is running and concurrency policy is Forbid");
    return;
  }
  if (policy == "Replace") {
    for (const ObjectPtr& running : state.jobs) {
      if (state.is_active(*running)) {
        delete_job(state, running);
      }
    }
  }
  const ObjectPtr made = state.work.store.create(job, job_for(state, job.name, due, zone));
  state.tell(objects::EventType::Normal, "SuccessfulCreate", "Created job " + job.name);
  state.status["active"].push_back({{"kind", "Job"},
                                    {"apiVersion", "batch/v1"},
                                    {"namespace", job.ns},
                                    {"name", job.name},
                                    {"uid", uid_of(*made)},
                                    {"resourceVersion", text_at(*made, "metadata.resourceVersion")}});
  state.status["lastScheduleTime"] = timestamp(due);
}

// The time from which due times count.
CronTime since_when(const CronState& state) {
  const auto created = parse_timestamp(text_at(state.cron, "metadata.creationTimestamp"));
  const auto last = parse_timestamp(text_at(state.status, "lastScheduleTime"));
  CronTime since = last ? *last : created.value_or(state.work.now);
  if (const json* deadline = field(state.cron, "spec.startingDeadlineSeconds");
      deadline != nullptr && deadline->is_number_integer()) {
    const std::chrono::seconds length(std::clamp<std::int64_t>(deadline->get<std::int64_t>(), 0, INT32_MAX));
    since = std::max(since, state.work.now - length);
  }
  return since;
}

std::optional<TimeZone> zone_of(const CronState& state) {
  const std::string& name = text_at(state.cron, "spec.timeZone");
  const auto zone = name.empty() ? std::optional(TimeZone()) : find_time_zone(name);
  if (!zone) {
    state.tell(objects::EventType::Warning, "UnknownTimeZone",
               "invalid timeZone: \"" + name + "\": unknown time zone " + name);
  }
  return zone;
}

std::optional<model::CronSchedule> schedule_of(const CronState& state) {
  const std::string& text = text_at(state.cron, "spec.schedule");
  try {
    return model::CronSchedule::parse(text);
  } catch (const Error& error) {
    state.tell(objects::EventType::Warning, "UnparseableSchedule",
               "unparseable schedule: \"" + text + "\" : " + error.message());
    return std::nullopt;
  }
}

void start_if_due(CronState& state) {
  const auto zone = zone_of(state);
  const auto schedule = zone ? schedule_of(state) : std::nullopt;
  if (!schedule || objects::is_true_at(state.cron, "spec.suspend")) {
    return;
  }
  if (const auto due = schedule->last_between(since_when(state), state.work.now, *zone)) {
    start_job(state, *due, *zone);
  }
  if (const auto next = schedule->next_after(state.work.now, *zone)) {
    state.work.look_again_at(*next);
  }
}

// Of those that ended as `ending` says, the oldest beyond the limit go.
void clean_up(CronState& state, const std::string& ending, const char* limit, std::int64_t usual) {
  std::vector<ObjectPtr> ended;
  for (const ObjectPtr& job : state.jobs) {
    if (ending_of(*job) == ending && !is_being_deleted(*job)) {
      ended.push_back(job);
    }
  }
  std::stable_sort(ended.begin(), ended.end(), [](const ObjectPtr& one, const ObjectPtr& other) {
    return text_at(*one, "status.startTime") < text_at(*other, "status.startTime");
  });
  const auto kept = static_cast<std::size_t>(std::max<std::int64_t>(number_at(state.cron, limit, usual), 0));
  for (std::size_t i = 0; i + kept < ended.size(); ++i) {
    delete_job(state, ended[i]);
  }
}

}  // namespace

void sync_cron_job(Work& work, const Key& key) {
  const ObjectPtr cron = work.store.find(key);
  if (cron == nullptr) {
    return;
  }
  const json* present = field(*cron, "status");
  CronState state{work, key, *cron, jobs_of(work, *cron, key.ns),
                  present == nullptr ? json::object() : *present};
  note_ends(state);
  if (!is_being_deleted(*cron)) {
    start_if_due(state);
    clean_up(state, "Complete", "spec.successfulJobsHistoryLimit", 3);
    clean_up(state, "Failed", "spec.failedJobsHistoryLimit", 1);
  }
  if (objects::list_at(state.status, "active").empty()) {
    state.status.erase("active");
  }
  write_status(work, key, std::move(state.status));
}

}  // namespace labctl::controllers
