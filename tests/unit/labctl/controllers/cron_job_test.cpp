#include "labctl/controllers/workloads/cron_job.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/timestamp.hpp"

#include "control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::name_of;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The clock begins at 2006-01-02T15:04:05-07:00 less its zone: 55 seconds before the next minute.
class CronJobTest : public ::testing::Test {
 protected:
  void make(const std::function<void(json&)>& edit = {}) {
    json pods = pod_template("tick");
    pods["spec"]["restartPolicy"] = "Never";
    json cron{
        {"apiVersion", "batch/v1"},
        {"kind", "CronJob"},
        {"metadata", {{"name", "tick"}, {"namespace", "default"}}},
        {"spec",
         {{"schedule", "* * * * *"},
          {"jobTemplate",
           {{"metadata", {{"labels", {{"job", "tick"}}}}}, {"spec", {{"template", std::move(pods)}}}}}}}};
    if (edit) {
      edit(cron);
    }
    loops.create("cronjobs", "tick", std::move(cron));
    loops.run();
  }
  void pass(int how_many_seconds) {
    loops.clock.advance(seconds(how_many_seconds));
    loops.run();
  }
  std::vector<std::string> jobs() const {
    std::vector<std::string> names;
    for (const store::ObjectPtr& job : loops.store.list("jobs")) {
      names.push_back(name_of(*job));
    }
    return names;
  }
  // Of the job that runs, or of all.
  void end_pods(const std::string& phase) {
    for (const store::ObjectPtr& pod : loops.pods()) {
      if (objects::is_active(*pod)) {
        loops.finish(name_of(*pod), phase);
      }
    }
    loops.run();
  }
  json status() const {
    const json object = loops.get("cronjobs", "tick");
    return object.value("status", json::object());
  }
  std::string name_at_minute(int minute) const {
    const auto now = loops.clock.wall().time_since_epoch();
    return "tick-" + std::to_string(std::chrono::duration_cast<std::chrono::minutes>(now).count() + minute);
  }
  ControlLoops loops;
};

TEST_F(CronJobTest, MakesAJobAtEachTime) {
  make();
  EXPECT_THAT(jobs(), IsEmpty());
  pass(54);
  EXPECT_THAT(jobs(), IsEmpty());
  pass(1);
  ASSERT_THAT(jobs(), ElementsAre(name_at_minute(0)));
  EXPECT_EQ(status()["lastScheduleTime"], timestamp(loops.clock.wall()));
  ASSERT_THAT(status()["active"], SizeIs(1));
  EXPECT_EQ(status()["active"][0]["name"], jobs().front());
  EXPECT_THAT(loops.events("SuccessfulCreate"), testing::Contains("Created job " + jobs().front()));
  const json job = loops.get("jobs", jobs().front());
  EXPECT_EQ(job["metadata"]["labels"]["job"], "tick");
  EXPECT_EQ(job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"],
            timestamp(loops.clock.wall()));
  EXPECT_EQ(job["spec"]["backoffLimit"], 6);
  EXPECT_EQ(job["spec"]["completions"], 1);
  EXPECT_EQ(objects::controller_of(job)->at("kind"), "CronJob");
  pass(60);
  EXPECT_THAT(jobs(), SizeIs(2));
}

TEST_F(CronJobTest, KnowsWhenItsJobsAreDone) {
  make();
  pass(55);
  pass(5);
  end_pods("Succeeded");
  EXPECT_FALSE(status().contains("active"));
  EXPECT_EQ(status()["lastSuccessfulTime"], timestamp(loops.clock.wall()));
  EXPECT_THAT(loops.events("SawCompletedJob"),
              ElementsAre("Saw completed job: " + jobs().front() + ", condition: Complete"));
}

TEST_F(CronJobTest, ForbidWaitsForTheOneBefore) {
  make([](json& cron) { cron["spec"]["concurrencyPolicy"] = "Forbid"; });
  pass(55);
  const std::string first = jobs().front();
  pass(60);
  EXPECT_THAT(jobs(), ElementsAre(first));
  EXPECT_THAT(loops.events("JobAlreadyActive"), SizeIs(1));
  end_pods("Succeeded");
  EXPECT_THAT(jobs(), SizeIs(2));
}

TEST_F(CronJobTest, ReplaceEndsTheOneBefore) {
  make([](json& cron) { cron["spec"]["concurrencyPolicy"] = "Replace"; });
  pass(55);
  const std::string first = jobs().front();
  pass(60);
  EXPECT_THAT(jobs(), ElementsAre(name_at_minute(0)));
  EXPECT_THAT(loops.events("SuccessfulDelete"), testing::Contains("Deleted job " + first));
}

TEST_F(CronJobTest, SuspendedItMakesNone) {
  make([](json& cron) { cron["spec"]["suspend"] = true; });
  pass(600);
  EXPECT_THAT(jobs(), IsEmpty());
  loops.edit("cronjobs", "tick", [](json& cron) { cron["spec"]["suspend"] = false; });
  loops.run();
  EXPECT_THAT(jobs(), SizeIs(1));
}

TEST_F(CronJobTest, OfManyMissedTimesTheLastIsMadeUpFor) {
  make();
  pass(3600);
  EXPECT_THAT(jobs(), ElementsAre(name_at_minute(0)));
}

TEST_F(CronJobTest, ATimeThatIsOverIsNotMadeUpFor) {
  make([](json& cron) {
    cron["spec"]["schedule"] = "@hourly";
    cron["spec"]["startingDeadlineSeconds"] = 30;
  });
  loops.clock.advance(std::chrono::hours(1));
  loops.run();
  EXPECT_THAT(jobs(), IsEmpty());
}

TEST_F(CronJobTest, KeepsThreeThatSucceededAndOneThatFailed) {
  make();
  pass(55);
  for (int i = 0; i < 5; ++i) {
    end_pods("Succeeded");
    pass(60);
  }
  end_pods("Succeeded");
  loops.settle();
  EXPECT_THAT(jobs(), ElementsAre(name_at_minute(-2), name_at_minute(-1), name_at_minute(0)));
}

TEST_F(CronJobTest, DeletedItTakesItsJobsWithIt) {
  make();
  pass(55);
  objects::delete_object(loops.store, {"cronjobs", "default", "tick"});
  loops.settle();
  EXPECT_THAT(jobs(), IsEmpty());
  EXPECT_THAT(loops.pods(), IsEmpty());
}

TEST_F(CronJobTest, AScheduleThatIsNoneIsTold) {
  make([](json& cron) { cron["spec"]["schedule"] = "often"; });
  EXPECT_THAT(loops.events("UnparseableSchedule"),
              ElementsAre("unparseable schedule: \"often\" : expected exactly 5 fields, found 1: [often]"));
}

TEST_F(CronJobTest, AZoneThatIsNoneIsTold) {
  make([](json& cron) { cron["spec"]["timeZone"] = "Mars/Base"; });
  EXPECT_THAT(loops.events("UnknownTimeZone"),
              ElementsAre("invalid timeZone: \"Mars/Base\": unknown time zone Mars/Base"));
}

}  // namespace
}  // namespace labctl::controllers
