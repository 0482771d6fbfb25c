#include "labctl/controllers/workloads/job.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/timestamp.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::is_being_deleted;
using objects::name_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JobTest : public ::testing::Test {
 protected:
  void make(int parallelism, int completions, const std::function<void(json&)>& edit = {}) {
    json pods = pod_template("work");
    pods["spec"]["restartPolicy"] = "Never";
    json job{{"apiVersion", "batch/v1"},
             {"kind", "Job"},
             {"metadata", {{"name", "work"}, {"namespace", "default"}}},
             {"spec",
              {{"parallelism", parallelism},
               {"completions", completions},
               {"backoffLimit", 6},
               {"template", std::move(pods)}}}};
    if (edit) {
      edit(job);
    }
    loops.create("jobs", "work", std::move(job));
    loops.run();
  }
  void change(const std::function<void(json&)>& edit) {
    loops.edit("jobs", "work", edit);
    loops.run();
  }
  json job() const { return loops.get("jobs", "work"); }
  json status() const { return job()["status"]; }
  std::string condition(const std::string& type) const {
    const json object = job();
    const json* found = objects::condition(object, type);
    return found == nullptr ? "" : (*found)["status"].get<std::string>() + " " + found->value("reason", "");
  }
  // The pods that are active, in order of their names.
  std::vector<std::string> active() const {
    std::vector<std::string> names;
    for (const store::ObjectPtr& pod : loops.pods()) {
      if (objects::is_active(*pod)) {
        names.push_back(name_of(*pod));
      }
    }
    return names;
  }
  // Of them; empty when there is none.
  std::string first() const {
    const std::vector<std::string> names = active();
    return names.empty() ? "" : names.front();
  }
  std::string pod_of(int index) const {
    const std::string prefix = "work-" + std::to_string(index) + "-";
    for (const std::string& name : active()) {
      if (name.starts_with(prefix)) {
        return name;
      }
    }
    return "";
  }
  // As the kubelet writes it.
  void end(const std::string& pod, int exit_code) {
    ASSERT_FALSE(pod.empty());
    loops.edit("pods", pod, [&](json& object) {
      object["status"]["phase"] = exit_code == 0 ? "Succeeded" : "Failed";
      object["status"]["containerStatuses"] = json::array(
          {{{"name", "c"},
            {"state",
             {{"terminated", {{"exitCode", exit_code}, {"finishedAt", timestamp(loops.clock.wall())}}}}}}});
    });
    loops.run();
  }
  static void indexed(json& object) { object["spec"]["completionMode"] = "Indexed"; }
  ControlLoops loops;
};

TEST_F(JobTest, PodsBelongToItByItsUid) {
  make(1, 1);
  const std::string uid = objects::uid_of(job());
  EXPECT_EQ(job()["spec"]["selector"],
            (json{{"matchLabels", {{"batch.kubernetes.io/controller-uid", uid}}}}));
  ASSERT_THAT(active(), SizeIs(1));
  const json pod = loops.get("pods", first());
  const json& labels = pod["metadata"]["labels"];
  EXPECT_EQ(labels["batch.kubernetes.io/controller-uid"], uid);
  EXPECT_EQ(labels["controller-uid"], uid);
  EXPECT_EQ(labels["batch.kubernetes.io/job-name"], "work");
  EXPECT_EQ(labels["job-name"], "work");
  EXPECT_EQ(labels["app"], "work");
  EXPECT_EQ(objects::controller_of(pod)->at("kind"), "Job");
  EXPECT_EQ(pod["metadata"]["finalizers"], json({"batch.kubernetes.io/job-tracking"}));
  EXPECT_THAT(loops.events("SuccessfulCreate"), ElementsAre("Created pod: " + first()));
}

TEST_F(JobTest, ASelectorOfItsOwnStays) {
  make(1, 1, [](json& object) {
    object["spec"]["manualSelector"] = true;
    object["spec"]["selector"] = {{"matchLabels", {{"app", "work"}}}};
  });
  EXPECT_EQ(job()["spec"]["selector"], (json{{"matchLabels", {{"app", "work"}}}}));
  EXPECT_THAT(active(), SizeIs(1));
}

TEST_F(JobTest, RunsAsManyAsParallelismAndIsCompleteAfterCompletions) {
  make(2, 3);
  EXPECT_THAT(active(), SizeIs(2));
  EXPECT_EQ(status()["active"], 2);
  end(first(), 0);
  EXPECT_THAT(active(), SizeIs(2));
  EXPECT_EQ(status()["succeeded"], 1);
  end(first(), 0);
  EXPECT_THAT(active(), SizeIs(1));
  EXPECT_EQ(condition("Complete"), "");
  end(first(), 0);
  EXPECT_EQ(condition("SuccessCriteriaMet"), "True CompletionsReached");
  EXPECT_EQ(condition("Complete"), "True CompletionsReached");
  EXPECT_EQ(status()["succeeded"], 3);
  EXPECT_FALSE(status().contains("active"));
  EXPECT_EQ(status()["ready"], 0);
  EXPECT_TRUE(status().contains("completionTime"));
  EXPECT_THAT(loops.events("Completed"), ElementsAre("Job completed"));
  for (const store::ObjectPtr& pod : loops.pods()) {
    EXPECT_FALSE(objects::has_finalizers(*pod)) << name_of(*pod);
  }
}

TEST_F(JobTest, WithoutCompletionsOneSuccessIsEnoughOnceAllHaveEnded) {
  make(2, 1, [](json& object) { object["spec"].erase("completions"); });
  EXPECT_THAT(active(), SizeIs(2));
  end(first(), 0);
  EXPECT_THAT(active(), SizeIs(1));
  EXPECT_EQ(condition("Complete"), "");
  end(first(), 0);
  EXPECT_EQ(condition("Complete"), "True CompletionsReached");
}

TEST_F(JobTest, AFailedPodIsReplacedAfterTenSecondsThenTwenty) {
  make(1, 1);
  for (const int wait : {10, 20, 40}) {
    end(first(), 1);
    EXPECT_THAT(active(), IsEmpty()) << wait;
    loops.clock.advance(std::chrono::seconds(wait - 1));
    loops.run();
    EXPECT_THAT(active(), IsEmpty()) << wait;
    loops.clock.advance(std::chrono::seconds(1));
    loops.run();
    ASSERT_THAT(active(), SizeIs(1)) << wait;
  }
  EXPECT_EQ(status()["failed"], 3);
  end(first(), 0);
  EXPECT_EQ(condition("Complete"), "True CompletionsReached");
  EXPECT_EQ(status()["failed"], 3);
}

TEST_F(JobTest, MoreFailuresThanBackoffLimitEndIt) {
  make(1, 1, [](json& object) { object["spec"]["backoffLimit"] = 1; });
  end(first(), 1);
  EXPECT_EQ(condition("Failed"), "");
  loops.clock.advance(std::chrono::seconds(10));
  loops.run();
  end(first(), 1);
  EXPECT_EQ(condition("FailureTarget"), "True BackoffLimitExceeded");
  EXPECT_EQ(condition("Failed"), "True BackoffLimitExceeded");
  EXPECT_EQ(status()["failed"], 2);
  EXPECT_FALSE(status().contains("completionTime"));
  EXPECT_THAT(loops.events("BackoffLimitExceeded"),
              ElementsAre("Job has reached the specified backoff limit"));
}

TEST_F(JobTest, RestartsOfContainersCountWithOnFailure) {
  make(1, 1, [](json& object) {
    object["spec"]["backoffLimit"] = 2;
    object["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure";
  });
  const auto restarted = [&](int times) {
    loops.edit("pods", first(), [&](json& pod) {
      pod["status"]["containerStatuses"] = json::array({{{"name", "c"}, {"restartCount", times}}});
    });
    loops.run();
  };
  restarted(1);
  EXPECT_EQ(condition("FailureTarget"), "");
  restarted(2);
  EXPECT_EQ(condition("FailureTarget"), "True BackoffLimitExceeded");
}

TEST_F(JobTest, IsFailedOnlyWhenItsPodsHaveGone) {
  make(2, 2, [](json& object) { object["spec"]["backoffLimit"] = 0; });
  loops.live();
  end(first(), 1);
  EXPECT_EQ(condition("FailureTarget"), "True BackoffLimitExceeded");
  EXPECT_EQ(condition("Failed"), "");
  EXPECT_EQ(status()["terminating"], 1);
  loops.settle();
  EXPECT_EQ(condition("Failed"), "True BackoffLimitExceeded");
  EXPECT_EQ(status()["failed"], 2);
  EXPECT_EQ(status()["terminating"], 0);
}

TEST_F(JobTest, ADeletedPodCountsAsFailedAndLeaves) {
  make(1, 1);
  loops.live();
  ASSERT_FALSE(active().empty());
  const std::string pod = first();
  objects::delete_object(loops.store, {"pods", "default", pod});
  loops.run();
  EXPECT_EQ(status()["failed"], 1);
  EXPECT_THAT(active(), SizeIs(1));
  loops.remove_deleted();
  EXPECT_EQ(loops.store.find({"pods", "default", pod}), nullptr);
}

TEST_F(JobTest, OnlyFailedPodsAreReplacedIfItSaysSo) {
  make(1, 1, [](json& object) { object["spec"]["podReplacementPolicy"] = "Failed"; });
  loops.live();
  ASSERT_FALSE(active().empty());
  const std::string pod = first();
  objects::delete_object(loops.store, {"pods", "default", pod});
  loops.run();
  EXPECT_THAT(active(), IsEmpty());
  EXPECT_EQ(status()["terminating"], 1);
  EXPECT_FALSE(status().contains("failed"));
  end(pod, 143);
  EXPECT_EQ(status()["failed"], 1);
}

TEST_F(JobTest, ADeadlineEndsItWithItsPods) {
  make(2, 2, [](json& object) { object["spec"]["activeDeadlineSeconds"] = 30; });
  loops.live();
  loops.clock.advance(std::chrono::seconds(29));
  loops.run();
  EXPECT_EQ(condition("FailureTarget"), "");
  loops.clock.advance(std::chrono::seconds(1));
  loops.settle();
  EXPECT_EQ(condition("Failed"), "True DeadlineExceeded");
  EXPECT_THAT(loops.events("DeadlineExceeded"), ElementsAre("Job was active longer than specified deadline"));
  EXPECT_THAT(active(), IsEmpty());
}

TEST_F(JobTest, SuspendedItHasNoPodsAndResumedItBeginsAnew) {
  make(2, 2, [](json& object) { object["spec"]["suspend"] = true; });
  EXPECT_THAT(active(), IsEmpty());
  EXPECT_EQ(condition("Suspended"), "True JobSuspended");
  EXPECT_FALSE(status().contains("startTime"));
  change([](json& object) { object["spec"]["suspend"] = false; });
  EXPECT_THAT(active(), SizeIs(2));
  EXPECT_EQ(condition("Suspended"), "False JobResumed");
  const json begin = status()["startTime"];
  loops.clock.advance(std::chrono::seconds(5));
  change([](json& object) { object["spec"]["suspend"] = true; });
  loops.settle();
  EXPECT_THAT(loops.pods(), IsEmpty());
  EXPECT_FALSE(status().contains("failed"));
  loops.clock.advance(std::chrono::seconds(5));
  change([](json& object) { object["spec"]["suspend"] = false; });
  EXPECT_THAT(active(), SizeIs(2));
  EXPECT_NE(status()["startTime"], begin);
}

TEST_F(JobTest, LessParallelismRemovesPodsWithoutCountingThem) {
  make(3, 5);
  loops.live();
  change([](json& object) { object["spec"]["parallelism"] = 1; });
  EXPECT_THAT(active(), SizeIs(1));
  EXPECT_FALSE(status().contains("failed"));
}

TEST_F(JobTest, AFinishedJobGoesWithItsPodsAfterItsTime) {
  make(1, 1, [](json& object) { object["spec"]["ttlSecondsAfterFinished"] = 60; });
  end(first(), 0);
  loops.clock.advance(std::chrono::seconds(59));
  loops.run();
  EXPECT_NE(loops.store.find({"jobs", "default", "work"}), nullptr);
  loops.clock.advance(std::chrono::seconds(1));
  loops.settle();
  EXPECT_EQ(loops.store.find({"jobs", "default", "work"}), nullptr);
  EXPECT_THAT(loops.pods(), IsEmpty());
}

TEST_F(JobTest, IndexedPodsKnowTheirIndex) {
  make(2, 3, indexed);
  ASSERT_THAT(active(), SizeIs(2));
  const json pod = loops.get("pods", pod_of(1));
  EXPECT_EQ(pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"], "1");
  EXPECT_EQ(pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"], "1");
  EXPECT_EQ(pod["spec"]["hostname"], "work-1");
  EXPECT_EQ(pod["spec"]["containers"][0]["env"][0]["name"], "JOB_COMPLETION_INDEX");
  EXPECT_EQ(pod["spec"]["containers"][0]["env"][0]["valueFrom"]["fieldRef"]["fieldPath"],
            "metadata.labels['batch.kubernetes.io/job-completion-index']");
}

TEST_F(JobTest, EachIndexSucceedsOnce) {
  make(2, 3, indexed);
  end(pod_of(1), 0);
  EXPECT_EQ(status()["completedIndexes"], "1");
  EXPECT_NE(pod_of(2), "");
  end(pod_of(2), 0);
  EXPECT_EQ(status()["completedIndexes"], "1,2");
  end(pod_of(0), 0);
  EXPECT_EQ(status()["completedIndexes"], "0-2");
  EXPECT_EQ(condition("Complete"), "True CompletionsReached");
  EXPECT_EQ(status()["succeeded"], 3);
}

TEST_F(JobTest, AnIndexThatFailsTooOftenFailsAloneWithALimitPerIndex) {
  make(3, 3, [](json& object) {
    indexed(object);
    object["spec"]["backoffLimitPerIndex"] = 1;
    object["spec"].erase("backoffLimit");
  });
  end(pod_of(1), 1);
  EXPECT_EQ(pod_of(1), "");
  loops.clock.advance(std::chrono::seconds(10));
  loops.run();
  ASSERT_NE(pod_of(1), "");
  EXPECT_EQ(
      loops.get("pods", pod_of(1))["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"],
      "1");
  end(pod_of(1), 1);
  EXPECT_EQ(status()["failedIndexes"], "1");
  EXPECT_EQ(condition("FailureTarget"), "");
  end(pod_of(0), 0);
  end(pod_of(2), 0);
  EXPECT_EQ(status()["completedIndexes"], "0,2");
  EXPECT_EQ(condition("Failed"), "True FailedIndexes");
}

TEST_F(JobTest, TooManyFailedIndexesEndIt) {
  make(3, 3, [](json& object) {
    indexed(object);
    object["spec"]["backoffLimitPerIndex"] = 0;
    object["spec"]["maxFailedIndexes"] = 1;
  });
  end(pod_of(0), 1);
  EXPECT_EQ(condition("FailureTarget"), "");
  end(pod_of(2), 1);
  EXPECT_EQ(condition("FailureTarget"), "True MaxFailedIndexesExceeded");
}

json rule(const std::string& action, const std::string& op, std::vector<int> codes) {
  return {{"action", action}, {"onExitCodes", {{"operator", op}, {"values", std::move(codes)}}}};
}

TEST_F(JobTest, AFailurePolicyMayEndItAtOnce) {
  make(1, 1, [](json& object) {
    object["spec"]["podFailurePolicy"]["rules"] =
        json::array({rule("Ignore", "In", {7}), rule("FailJob", "In", {42})});
  });
  ASSERT_FALSE(active().empty());
  const std::string pod = first();
  end(pod, 42);
  EXPECT_EQ(condition("Failed"), "True PodFailurePolicy");
  EXPECT_THAT(loops.events("PodFailurePolicy"),
              ElementsAre("Container c for pod default/" + pod +
                          " failed with exit code 42 matching FailJob rule at index 1"));
}

TEST_F(JobTest, AFailurePolicyMayIgnoreAFailure) {
  make(1, 1, [](json& object) {
    object["spec"]["backoffLimit"] = 0;
    object["spec"]["podFailurePolicy"]["rules"] = json::array({rule("Ignore", "NotIn", {1})});
  });
  end(first(), 7);
  EXPECT_FALSE(status().contains("failed"));
  EXPECT_THAT(active(), SizeIs(1));
  end(first(), 1);
  EXPECT_EQ(condition("Failed"), "True BackoffLimitExceeded");
}

TEST_F(JobTest, AFailurePolicyMayGoByConditions) {
  make(1, 1, [](json& object) {
    object["spec"]["podFailurePolicy"]["rules"] =
        json::array({{{"action", "FailJob"},
                      {"onPodConditions", json::array({{{"type", "ConfigIssue"}, {"status", "True"}}})}}});
  });
  ASSERT_FALSE(active().empty());
  const std::string pod = first();
  loops.edit("pods", pod, [](json& object) {
    object["status"]["conditions"].push_back({{"type", "ConfigIssue"}, {"status", "True"}});
  });
  end(pod, 3);
  EXPECT_THAT(
      loops.events("PodFailurePolicy"),
      ElementsAre("Pod default/" + pod + " has condition ConfigIssue matching FailJob rule at index 0"));
}

TEST_F(JobTest, ASuccessPolicyEndsItEarly) {
  make(3, 3, [](json& object) {
    indexed(object);
    object["spec"]["successPolicy"]["rules"] =
        json::array({{{"succeededIndexes", "1-2"}, {"succeededCount", 1}}});
  });
  loops.live();
  end(pod_of(0), 0);
  EXPECT_EQ(condition("SuccessCriteriaMet"), "");
  end(pod_of(2), 0);
  EXPECT_EQ(condition("SuccessCriteriaMet"), "True SuccessPolicy");
  loops.settle();
  EXPECT_EQ(condition("Complete"), "True SuccessPolicy");
}

TEST_F(JobTest, AnotherControllersJobIsLeftAlone) {
  make(1, 1, [](json& object) { object["spec"]["managedBy"] = "example.com/queue"; });
  EXPECT_THAT(loops.pods(), IsEmpty());
}

TEST_F(JobTest, DeletedItTakesItsPodsWithIt) {
  make(2, 2);
  loops.live();
  objects::delete_object(loops.store, {"jobs", "default", "work"});
  loops.settle();
  EXPECT_THAT(loops.pods(), IsEmpty());
}

TEST_F(JobTest, OrphanedItsPodsStayAndNothingHoldsThem) {
  make(1, 1);
  objects::DeleteOptions options;
  options.orphans_dependents = true;
  objects::delete_object(loops.store, {"jobs", "default", "work"}, options);
  loops.settle();
  ASSERT_THAT(loops.pods(), SizeIs(1));
  EXPECT_FALSE(objects::has_finalizers(*loops.pods().front()));
}

}  // namespace
}  // namespace labctl::controllers
