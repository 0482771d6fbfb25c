#include "labctl/report/objects/resources.hpp"

#include "labctl/report/objects/job_cells.hpp"

#include "topology/base/timestamp.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

Json pod(const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", name},
            {"namespace", "default"},
            {"creationTimestamp", "2026-01-02T03:04:05Z"},
            {"labels", {{"app", "web"}}}}},
          {"spec", {{"nodeName", "node-1"}, {"containers", {{{"name", "app"}}}}}},
          {"status",
           {{"phase", "Running"},
            {"podIP", "10.244.1.2"},
            {"containerStatuses",
             {{{"name", "app"},
               {"ready", true},
               {"restartCount", 0},
               {"state", {{"running", Json::object()}}}}}}}}};
}

ResourceView view(Format format = Format::Table) {
  ResourceView out;
  out.format = format;
  out.now = *parse_timestamp("2026-01-02T03:04:35Z");
  return out;
}

std::string printed(const std::vector<Json>& objects, const ResourceView& how) {
  std::ostringstream out;
  print_resources(out, objects, how);
  return out.str();
}

TEST(Resources, PodsHaveKubectlsColumns) {
  EXPECT_EQ(printed({pod("web-0")}, view()),
            "NAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          30s\n");
}

TEST(Resources, WideAddsAddressAndNode) {
  EXPECT_EQ(printed({pod("web-0")}, view(Format::Wide)),
            "NAME    READY   STATUS    RESTARTS   AGE   IP           NODE\n"
            "web-0   1/1     Running   0          30s   10.244.1.2   node-1\n");
}

TEST(Resources, ColumnsForNamespaceAndLabelsComeOnDemand) {
  ResourceView how = view();
  how.with_namespace = true;
  how.with_labels = true;
  EXPECT_EQ(printed({pod("a")}, how),
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE   LABELS\n"
            "default     a      1/1     Running   0          30s   app=web\n");
}

TEST(Resources, OfSeveralKindsAreTablesOfTheirOwn) {
  ResourceView how = view();
  how.with_kind = true;
  const Json deployment{{"apiVersion", "apps/v1"},
                        {"kind", "Deployment"},
                        {"metadata", {{"name", "web"}, {"creationTimestamp", "2026-01-02T03:04:05Z"}}},
                        {"spec", {{"replicas", 3}}},
                        {"status", {{"readyReplicas", 2}, {"updatedReplicas", 3}, {"availableReplicas", 2}}}};
  EXPECT_EQ(printed({pod("a"), deployment}, how),
            "NAME    READY   STATUS    RESTARTS   AGE\npod/a   1/1     Running   0          30s\n\n"
            "NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\ndeployment.apps/web   2/3     3     "
            "       2           30s\n");
}

TEST(Resources, JobsAndCronJobsHaveTheColumnsOfKubectl) {
  const Json job{{"apiVersion", "batch/v1"},
                 {"kind", "Job"},
                 {"metadata", {{"name", "pi"}, {"creationTimestamp", "2026-01-02T03:04:05Z"}}},
                 {"spec", {{"completions", 3}, {"parallelism", 1}}},
                 {"status", {{"succeeded", 1}, {"startTime", "2026-01-02T03:04:25Z"}}}};
  EXPECT_EQ(printed({job}, view()),
            "NAME   STATUS    COMPLETIONS   DURATION   AGE\npi     Running   1/3           10s        30s\n");
  const Json cron_job{{"apiVersion", "batch/v1"},
                      {"kind", "CronJob"},
                      {"metadata", {{"name", "tick"}, {"creationTimestamp", "2026-01-02T03:04:05Z"}}},
                      {"spec", {{"schedule", "*/5 * * * *"}, {"suspend", false}}},
                      {"status", {{"lastScheduleTime", "2026-01-02T03:04:30Z"}}}};
  EXPECT_EQ(printed({cron_job}, view()),
            "NAME   SCHEDULE      TIMEZONE   SUSPEND   ACTIVE   LAST SCHEDULE   AGE\n"
            "tick   */5 * * * *   <none>     False     0        5s              30s\n");
}

TEST(Resources, AJobSaysHowItStands) {
  Json job{{"kind", "Job"}, {"spec", {{"parallelism", 4}}}, {"status", Json::object()}};
  EXPECT_EQ(job_status(job), "Running");
  EXPECT_EQ(job_completions(job), "0/1 of 4");
  for (const char* type : {"SuccessCriteriaMet", "FailureTarget", "Suspended", "Failed", "Complete"}) {
    job["status"]["conditions"].push_back({{"type", type}, {"status", "True"}});
    EXPECT_EQ(job_status(job), type);
  }
}

TEST(Resources, NodesShowWhatANetworkNeeds) {
  const Json node{{"apiVersion", "v1"},
                  {"kind", "Node"},
                  {"metadata", {{"name", "node-1"}, {"creationTimestamp", "2026-01-02T03:04:05Z"}}},
                  {"spec", {{"podCIDRs", {"10.244.1.0/24"}}}},
                  {"status",
                   {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}},
                    {"addresses", {{{"type", "InternalIP"}, {"address", "192.168.50.11"}}}}}}};
  EXPECT_EQ(printed({node}, view()),
            "NAME     STATUS   ROLES    AGE   INTERNAL-IP     POD-CIDR\nnode-1   Ready    <none>   30s   "
            "192.168.50.11   10.244.1.0/24\n");
}

TEST(Resources, AreListsForProgramsUnlessOneWasNamed) {
  EXPECT_EQ(Json::parse(printed({pod("a"), pod("b")}, view(Format::Json)))["kind"], "List");
  ResourceView one = view(Format::Json);
  one.single = true;
  EXPECT_EQ(Json::parse(printed({pod("a")}, one)), pod("a"));
  EXPECT_EQ(Json::parse(printed({}, view(Format::Json)))["items"], Json::array());
}

TEST(Resources, AreALineEachForJsonlAndName) {
  EXPECT_EQ(printed({pod("a")}, view(Format::JsonLines)), pod("a").dump() + "\n");
  EXPECT_EQ(printed({pod("a")}, view(Format::Name)), "pod/a\n");
}

TEST(PodStatus, FollowsTheContainers) {
  Json waiting = pod("a");
  waiting["status"]["containerStatuses"][0]["ready"] = false;
  waiting["status"]["containerStatuses"][0]["state"] = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
  EXPECT_EQ(pod_status(waiting), "CrashLoopBackOff");

  Json ended = pod("a");
  ended["status"]["containerStatuses"][0]["ready"] = false;
  ended["status"]["containerStatuses"][0]["state"] = {{"terminated", {{"exitCode", 3}}}};
  EXPECT_EQ(pod_status(ended), "ExitCode:3");

  Json init = pod("a");
  init["spec"]["initContainers"] = {{{"name", "one"}}, {{"name", "two"}}};
  init["status"]["initContainerStatuses"] = {
      {{"name", "one"}, {"state", {{"terminated", {{"exitCode", 0}}}}}},
      {{"name", "two"}, {"state", {{"running", Json::object()}}}}};
  EXPECT_EQ(pod_status(init), "Init:1/2");

  Json going = pod("a");
  going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z";
  EXPECT_EQ(pod_status(going), "Terminating");
  EXPECT_EQ(pod_status(Json::object()), "Pending");
}

TEST(PodStatus, OfAnInitializedPodIsNotThatOfASidecarThatEndedBadly) {
  Json job = pod("a");
  job["spec"]["initContainers"] = {{{"name", "shipper"}, {"restartPolicy", "Always"}}};
  job["status"]["phase"] = "Succeeded";
  job["status"]["initContainerStatuses"] = {
      {{"name", "shipper"},
       {"started", false},
       {"state", {{"terminated", {{"exitCode", 143}, {"reason", "Error"}}}}}}};
  job["status"]["containerStatuses"][0]["ready"] = false;
  job["status"]["containerStatuses"][0]["state"] = {
      {"terminated", {{"exitCode", 0}, {"reason", "Completed"}}}};
  job["status"]["conditions"] = {{{"type", "Initialized"}, {"status", "False"}}};
  EXPECT_EQ(pod_status(job), "Init:Error");
  job["status"]["conditions"] = {{{"type", "Initialized"}, {"status", "True"}}};
  EXPECT_EQ(pod_status(job), "Completed");

  job["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z";
  EXPECT_EQ(pod_status(job), "Completed") << "what is over does not end, a finalizer holds it";
}

TEST(PodStatus, IsNotReadyWhereOneContainerIsDoneAndThePodDoesNotServe) {
  Json half = pod("a");
  half["status"]["containerStatuses"] = {
      {{"name", "done"}, {"ready", false}, {"state", {{"terminated", {{"reason", "Completed"}}}}}},
      {{"name", "runs"}, {"ready", true}, {"state", {{"running", Json::object()}}}}};
  half["status"]["conditions"] = {{{"type", "Ready"}, {"status", "False"}}};
  EXPECT_EQ(pod_status(half), "NotReady");
  half["status"]["conditions"] = {{{"type", "Ready"}, {"status", "True"}}};
  EXPECT_EQ(pod_status(half), "Running");
}

TEST(PodStatus, TellsAPodThatGatesHold) {
  Json gated = Json::object();
  gated["status"]["phase"] = "Pending";
  gated["status"]["conditions"] = {
      {{"type", "PodScheduled"}, {"status", "False"}, {"reason", "SchedulingGated"}}};
  EXPECT_EQ(pod_status(gated), "SchedulingGated");
}

TEST(ResourceWatch, KeepsTheColumnsOfTheListAndPrintsOneHeader) {
  std::ostringstream out;
  ResourceWatch watch(out, view());
  watch.list({pod("a-longer-name")});
  watch.row(pod("b"));
  const std::string text = out.str();
  EXPECT_EQ(text.find("NAME"), text.rfind("NAME"));
  EXPECT_EQ(text.substr(text.find("\nb") + 1, 22), "b               1/1   ");
}

TEST(Resources, SurviveObjectsOfAnyShape) {
  for (const char* kind : {"Pod", "Node", "Event", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet",
                           "Namespace", "Frob"}) {
    for (const char* rest :
         {"{}", R"({"metadata":[],"spec":7,"status":"x"})",
          R"({"metadata":{"name":{}},"status":{"containerStatuses":{"a":1},"conditions":[1,null]}})"}) {
      Json object = Json::parse(rest);
      object["kind"] = kind;
      EXPECT_NO_THROW(printed({object}, view(Format::Wide))) << kind << rest;
    }
  }
}

TEST(Values, ArePrintedAsThePartsOfAListInJsonl) {
  std::ostringstream out;
  print_value(out, {1, {{"a", 2}}}, Format::JsonLines);
  EXPECT_EQ(out.str(), "1\n{\"a\":2}\n");
}

}  // namespace
}  // namespace labctl::report
