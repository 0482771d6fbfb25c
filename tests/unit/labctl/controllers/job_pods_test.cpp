#include "labctl/controllers/workloads/job_pods.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using std::chrono::seconds;

TEST(JobPods, BackOffDoublesUpToTenMinutes) {
  const std::vector<std::pair<std::int64_t, int>> cases = {{0, 0},   {1, 10},  {2, 20},  {3, 40},     {4, 80},
                                                           {5, 160}, {6, 320}, {7, 600}, {1'000, 600}};
  for (const auto& [failures, wait] : cases) {
    EXPECT_EQ(back_off_after(failures), seconds(wait)) << failures;
  }
}

TEST(JobPods, AnIndexIsAWholeNumber) {
  const auto index_of = [](const json& value) {
    return completion_index({{"metadata", {{"annotations", {{kCompletionIndex, value}}}}}});
  };
  EXPECT_EQ(index_of("0"), 0);
  EXPECT_EQ(index_of("12"), 12);
  for (const json& other :
       {json("-1"), json(""), json("1x"), json("99999999999999999999"), json(3), json()}) {
    EXPECT_EQ(index_of(other), std::nullopt) << other;
  }
  EXPECT_EQ(completion_index(json::object()), std::nullopt);
}

json pod(const std::string& phase, int exit_code, const char* finished) {
  return {{"metadata", {{"name", "p"}, {"namespace", "default"}}},
          {"status",
           {{"phase", phase},
            {"containerStatuses",
             {{{"name", "c"},
               {"state", {{"terminated", {{"exitCode", exit_code}, {"finishedAt", finished}}}}}}}}}}};
}

TEST(JobPods, FailuresSinceTheLastSuccessDecideTheWait) {
  const auto shared = [](json object) { return std::make_shared<const json>(std::move(object)); };
  const JobTime now{seconds(1'000'000)};
  const std::vector<store::ObjectPtr> pods = {
      shared(pod("Failed", 1, "1970-01-01T00:00:10Z")), shared(pod("Succeeded", 0, "1970-01-01T00:00:20Z")),
      shared(pod("Failed", 1, "1970-01-01T00:00:30Z")), shared(pod("Failed", 1, "1970-01-01T00:00:40Z"))};
  EXPECT_EQ(back_off_until(json::object(), pods, now), JobTime{seconds(40 + 20)});
  EXPECT_EQ(back_off_until(json::object(), {pods[0], pods[1]}, now), std::nullopt);
  EXPECT_EQ(back_off_until(json::object(), {}, now), std::nullopt);
}

TEST(JobPods, AFailurePolicyIsReadFromTheTop) {
  using Action = JobFailure::Action;
  const auto job = [](json rules) {
    return json{{"spec", {{"podFailurePolicy", {{"rules", std::move(rules)}}}}}};
  };
  const auto codes = [](const char* action, const char* op, std::vector<int> values) {
    return json{{"action", action}, {"onExitCodes", {{"operator", op}, {"values", std::move(values)}}}};
  };
  const json failed = pod("Failed", 5, "1970-01-01T00:00:10Z");
  const std::vector<std::tuple<json, Action>> cases = {
      {json::array(), Action::None},
      {json::array({codes("Ignore", "In", {4})}), Action::None},
      {json::array({codes("Ignore", "In", {4, 5})}), Action::Ignore},
      {json::array({codes("FailIndex", "NotIn", {4})}), Action::FailIndex},
      {json::array({codes("FailJob", "NotIn", {5}), codes("Count", "In", {5})}), Action::Count},
      {json::array({codes("FailJob", "In", {5}), codes("Count", "In", {5})}), Action::FailJob}};
  for (const auto& [rules, action] : cases) {
    EXPECT_EQ(judge_failure(job(rules), failed).action, action) << rules;
  }
  // A container of another name, and one that succeeded.
  json named = codes("FailJob", "In", {5});
  named["onExitCodes"]["containerName"] = "other";
  EXPECT_EQ(judge_failure(job(json::array({named})), failed).action, Action::None);
  EXPECT_EQ(judge_failure(job(json::array({codes("FailJob", "NotIn", {5})})),
                          pod("Failed", 0, "1970-01-01T00:00:10Z"))
                .action,
            Action::None);
}

TEST(JobPods, OneThatIsBeingDeletedHasFailedUnlessOnlyFailedAreReplaced) {
  json running = {{"metadata", {{"deletionTimestamp", "2006-01-02T15:04:05Z"}}},
                  {"status", {{"phase", "Running"}}}};
  EXPECT_TRUE(has_failed(running, false));
  EXPECT_FALSE(has_failed(running, true));
  running["status"]["phase"] = "Succeeded";
  EXPECT_FALSE(has_failed(running, false));
  running["status"]["phase"] = "Failed";
  EXPECT_TRUE(has_failed(running, true));
}

}  // namespace
}  // namespace labctl::controllers
