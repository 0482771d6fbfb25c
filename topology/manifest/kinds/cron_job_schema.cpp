// batch/v1 CronJob: its fields, and their rules (apis/batch/validation), in the API server's words.

#include "topology/base/error.hpp"
#include "topology/base/time_zone.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/status_schema.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/cron_schedule.hpp"

#include <array>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 3> kConcurrencyPolicies{"Allow", "Forbid", "Replace"};
// The names of its Jobs have eleven characters more, and have to fit into a label.
constexpr size_t kCronJobNameMax = kLabelMax - 11;

constexpr std::array kJobTemplateFields{object("metadata", kTemplateMetadata),
                                        object("spec", kJobSpec).required()};
constexpr Schema kJobTemplate{"job template", kJobTemplateFields};

constexpr std::array kCronJobSpecFields{
    text("schedule").required(),
    text("timeZone"),
    integer("startingDeadlineSeconds", 0, std::numeric_limits<std::int64_t>::max()),
    text("concurrencyPolicy").one_of(kConcurrencyPolicies),
    boolean("suspend"),
    object("jobTemplate", kJobTemplate).required(),
    count("successfulJobsHistoryLimit"),
    count("failedJobsHistoryLimit"),
};

void check_schedule(const Place& schedule, Findings& findings) {
  if (schedule.text().find("TZ") != std::string_view::npos) {
    refuse_value(schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead", findings);
    return;
  }
  try {
    model::CronSchedule::parse(schedule.text());
  } catch (const Error& error) {
    refuse_value(schedule, error.message(), findings,
                 "as in \"*/5 * * * *\": minute, hour, day, month, weekday");
  }
}

void check_time_zone(const Place& zone, Findings& findings) {
  const std::string name(zone.text());
  if (!zone) {
    return;
  }
  if (name.empty()) {
    refuse_value(zone, "timeZone must be nil or non-empty string", findings);
  } else if (name == "Local" || name == "local") {
    refuse_value(zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
                 findings, "as in Europe/Berlin");
  } else if (!find_time_zone(name)) {
    refuse_value(zone, "unknown time zone " + name, findings,
                 "as in Europe/Berlin; the zones of this host are those of its package tzdata");
  }
}

void check_cron_job_spec(const Place& spec, Findings& findings) {
  check_schedule(spec.field("schedule"), findings);
  check_time_zone(spec.field("timeZone"), findings);
  const Place job_template = spec.field("jobTemplate");
  const Place job = job_template.field("spec");
  const Place manual = job.field("manualSelector");
  if (truth_at(manual, false)) {
    findings.error(manual, "Unsupported value: true: supported values: nil, false",
                   "each Job has a selector of its own");
  } else if (const Place selector = job.field("selector")) {
    refuse_value(selector, "`selector` will be auto-generated", findings, "leave it out");
  }
}
constexpr Schema kCronJobSpec{"CronJob spec", kCronJobSpecFields, check_cron_job_spec};

void check_cron_job(const Place& cron_job, Findings& findings) {
  const Place metadata = cron_job.field("metadata");
  const Place name = metadata.field("name");
  if (name.text().size() > kCronJobNameMax) {
    refuse_value(name, "must be no more than " + std::to_string(kCronJobNameMax) + " characters", findings,
                 "its Jobs are named after it and the minute");
  }
}

constexpr std::array kCronJobFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kCronJobSpec).required(),
    reserved("status", kCronJobStatus),
};

}  // namespace

constexpr Schema kCronJob{"CronJob", kCronJobFields, check_cron_job};

}  // namespace labctl::manifest
