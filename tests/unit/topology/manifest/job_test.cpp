// The rules of Jobs and CronJobs, and the defaults they get.

#include "topology/manifest/loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace labctl::manifest {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

Loaded load_job(const std::string& fields, const std::string& restart = "restartPolicy: Never, ",
                const std::string& name = "pi") {
  return load(
      {{"t.yaml", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: " + name + "}\nspec: {" + fields +
                      "template: {spec: {" + restart + "containers: [{name: main, image: perl}]}}}\n"}},
      {});
}

std::vector<std::string> said_of_job(const std::string& fields,
                                     const std::string& restart = "restartPolicy: Never, ",
                                     const std::string& name = "pi") {
  std::vector<std::string> out;
  for (const Diagnostic& d : load_job(fields, restart, name).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

const std::string kIndexedJob = "completionMode: Indexed, completions: 3, ";

TEST(Jobs, OfEachShapeAreSilent) {
  for (const std::string& fields : std::vector<std::string>{
           "", "parallelism: 0, ",
           "completions: 5, parallelism: 2, backoffLimit: 0, activeDeadlineSeconds: 100, "
           "ttlSecondsAfterFinished: 0, suspend: true, ",
           kIndexedJob + "backoffLimitPerIndex: 1, maxFailedIndexes: 3, ",
           kIndexedJob + "successPolicy: {rules: [{succeededIndexes: \"0,2\", succeededCount: 1}]}, ",
           "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: main, operator: In, "
           "values: "
           "[1, 42]}}, {action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}, ",
           "selector: {matchLabels: {batch.kubernetes.io/controller-uid: a}}, "}) {
    EXPECT_THAT(said_of_job(fields), IsEmpty()) << fields;
  }
}

TEST(Jobs, RefuseInTheWordsOfTheApiServer) {
  const std::string policy = "podFailurePolicy: {rules: [";
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"parallelism: -1, ", "E spec.parallelism: must be at least 0, got -1"},
      {"selector: {matchLabels: {a: b}}, ",
       "E spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: `selector` not auto-generated"},
      {"manualSelector: true, ", "E spec.selector: Required value"},
      {"completionMode: Indexed, ", "E spec.completions: Required value: when completion mode is Indexed"},
      {kIndexedJob + "parallelism: 100001, ",
       "E spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode "
       "is "
       "Indexed"},
      {"backoffLimitPerIndex: 1, ",
       "E spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"},
      {kIndexedJob + "maxFailedIndexes: 1, ",
       "E spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"},
      {kIndexedJob + "backoffLimitPerIndex: 1, maxFailedIndexes: 4, ",
       "E spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions"},
      {policy + "{action: FailJob}]}, ",
       "E spec.podFailurePolicy.rules[0]: Invalid value: {\"action\":\"FailJob\"}: specifying one of "
       "OnExitCodes "
       "and OnPodConditions is required"},
      {policy + "{action: FailIndex, onExitCodes: {operator: In, values: [1]}}]}, ",
       "E spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires the "
       "backoffLimitPerIndex to "
       "be set"},
      {policy + "{action: Count, onExitCodes: {operator: In, values: [0]}}]}, ",
       "E spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In "
       "operator"},
      {policy + "{action: Count, onExitCodes: {operator: NotIn, values: [2, 1]}}]}, ",
       "E spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 1: must be ordered"},
      {policy + "{action: Count, onExitCodes: {operator: NotIn, values: 2}}]}, ",
       "E spec.podFailurePolicy.rules[0].onExitCodes.values: must be a list of exit codes"},
      {policy + "{action: Count, onExitCodes: {containerName: x, operator: In, values: [1]}}]}, ",
       "E spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: \"x\": must be one of the "
       "container or initContainer names in the pod template"},
      {kIndexedJob + "successPolicy: {rules: [{succeededIndexes: \"2,1\"}]}, ",
       "E spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"2,1\": error parsing "
       "succeededIndexes: "
       "numbers and ranges in rising order are expected"},
      {"successPolicy: {rules: [{succeededCount: 1}]}, ",
       "E spec.successPolicy: Invalid value: {\"rules\":[{\"succeededCount\":1}]}: requires indexed "
       "completion "
       "mode"},
  };
  for (const auto& [fields, refusal] : refusals) {
    EXPECT_THAT(said_of_job(fields), ElementsAre(refusal)) << fields;
  }
}

TEST(Jobs, HavePodsThatMayEnd) {
  const std::string refusal =
      "E spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"";
  EXPECT_THAT(said_of_job("", "restartPolicy: Always, "), ElementsAre(refusal));
  EXPECT_THAT(said_of_job("", ""), ElementsAre(refusal));
  EXPECT_THAT(said_of_job("", "restartPolicy: OnFailure, "), IsEmpty());
  EXPECT_THAT(
      said_of_job("podFailurePolicy: {rules: []}, ", "restartPolicy: OnFailure, "),
      ElementsAre("E spec.template.spec.restartPolicy: Invalid value: \"OnFailure\": only \"Never\" is "
                  "supported when podFailurePolicy is specified"));
}

TEST(Jobs, HaveNamesThatTheirPodsCanCarry) {
  const std::string long_name(64, 'a');
  EXPECT_THAT(
      said_of_job("", "restartPolicy: Never, ", long_name),
      ElementsAre("E metadata.name: must be no more than 63 characters, got 64: it is a label of the Job's "
                  "pods"));
  EXPECT_THAT(said_of_job("completionMode: Indexed, completions: 11, ", "restartPolicy: Never, ",
                          long_name.substr(0, 61)),
              ElementsAre("E metadata.name: Invalid value: \"" + long_name.substr(0, 61) +
                          "\": will not able to create pod with invalid DNS label: " +
                          long_name.substr(0, 61) + "-10"));
}

TEST(Jobs, GetTheDefaultsOfTheApiServer) {
  const json spec = load_job("").objects.at(0).json["spec"];
  EXPECT_EQ(spec["completions"], 1);
  EXPECT_EQ(spec["parallelism"], 1);
  EXPECT_EQ(spec["backoffLimit"], 6);
  EXPECT_EQ(spec["completionMode"], "NonIndexed");
  EXPECT_EQ(spec["suspend"], false);
  EXPECT_EQ(spec["podReplacementPolicy"], "TerminatingOrFailed");
  EXPECT_EQ(spec["template"]["spec"]["dnsPolicy"], "ClusterFirst");
  EXPECT_FALSE(load_job("parallelism: 2, ").objects.at(0).json["spec"].contains("completions"));
  const json per_index = load_job(kIndexedJob + "backoffLimitPerIndex: 1, ").objects.at(0).json["spec"];
  EXPECT_EQ(per_index["backoffLimit"], 2147483647);
  const json with_policy = load_job("podFailurePolicy: {rules: []}, ").objects.at(0).json["spec"];
  EXPECT_EQ(with_policy["podReplacementPolicy"], "Failed");
}

// ---- CronJobs -----------------------------------------------------------------------------------
Loaded load_cron_job(const std::string& fields, const std::string& name = "tick") {
  return load(
      {{"t.yaml", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: " + name + "}\nspec: {" + fields +
                      ", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: "
                      "[{name: main, image: perl}]}}}}}\n"}},
      {});
}

std::vector<std::string> said_of_cron_job(const std::string& fields, const std::string& name = "tick") {
  std::vector<std::string> out;
  for (const Diagnostic& d : load_cron_job(fields, name).diagnostics) {
    out.push_back((d.severity == Severity::Error ? "E " : "W ") + d.path + ": " + d.message);
  }
  return out;
}

TEST(CronJobs, OfEachShapeAreSilent) {
  for (const char* fields : {
           "schedule: \"* * * * *\"",
           "schedule: \"@hourly\", timeZone: Europe/Berlin, concurrencyPolicy: Replace",
           "schedule: 0 9 * * mon-fri, startingDeadlineSeconds: 0, suspend: true, "
           "successfulJobsHistoryLimit: 0",
       }) {
    EXPECT_THAT(said_of_cron_job(fields), IsEmpty()) << fields;
  }
}

TEST(CronJobs, RefuseInTheWordsOfTheApiServer) {
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"schedule: hourly",
       "E spec.schedule: Invalid value: \"hourly\": expected exactly 5 fields, found 1: [hourly]"},
      {"schedule: \"61 * * * *\"",
       "E spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61"},
      {"schedule: \"TZ=UTC 0 0 * * *\"",
       "E spec.schedule: Invalid value: \"TZ=UTC 0 0 * * *\": cannot use TZ or CRON_TZ in schedule, use "
       "timeZone "
       "field instead"},
      {"schedule: \"@daily\", timeZone: Mars/Base",
       "E spec.timeZone: Invalid value: \"Mars/Base\": unknown time zone Mars/Base"},
      {"schedule: \"@daily\", timeZone: \"\"",
       "E spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string"},
      {"schedule: \"@daily\", timeZone: Local",
       "E spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in "
       "https://www.iana.org/time-zones"}};
  for (const auto& [fields, refusal] : refusals) {
    EXPECT_THAT(said_of_cron_job(fields), ElementsAre(refusal)) << fields;
  }
  const std::string long_name(53, 'a');
  EXPECT_THAT(said_of_cron_job("schedule: \"@daily\"", long_name),
              ElementsAre("E metadata.name: Invalid value: \"" + long_name +
                          "\": must be no more than 52 characters"));
}

TEST(CronJobs, GetTheDefaultsOfTheApiServer) {
  const json spec = load_cron_job("schedule: \"@daily\"").objects.at(0).json["spec"];
  EXPECT_EQ(spec["concurrencyPolicy"], "Allow");
  EXPECT_EQ(spec["suspend"], false);
  EXPECT_EQ(spec["successfulJobsHistoryLimit"], 3);
  EXPECT_EQ(spec["failedJobsHistoryLimit"], 1);
  EXPECT_EQ(spec["jobTemplate"]["spec"]["template"]["spec"]["dnsPolicy"], "ClusterFirst");
  EXPECT_FALSE(spec["jobTemplate"]["spec"].contains("backoffLimit"));
}

}  // namespace
}  // namespace labctl::manifest
