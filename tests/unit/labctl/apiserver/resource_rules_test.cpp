#include "labctl/apiserver/resource_rules.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

const json kPod = {{"kind", "Pod"},
                   {"metadata", {{"name", "a"}}},
                   {"spec", {{"nodeName", "node-1"}, {"containers", {{{"name", "c"}, {"image", "app:1"}}}}}}};

TEST(CheckUnchanged, APodsImageMayChange) {
  json after = kPod;
  after["spec"]["containers"][0]["image"] = "app:2";
  after["spec"]["tolerations"] = json::array();
  EXPECT_NO_THROW(check_unchanged("pods", kPod, after));
}

TEST(CheckUnchanged, TheRestOfAPodsSpecMayNot) {
  for (const char* path : {"/spec/nodeName", "/spec/hostname", "/spec/containers/0/command"}) {
    json after = kPod;
    after[json::json_pointer(path)] = "other";
    EXPECT_THROW(check_unchanged("pods", kPod, after), Error) << path;
  }
}

json pod_with_limits(const json& deadline, const json& tolerations, int grace = 30) {
  json pod = kPod;
  pod["spec"]["terminationGracePeriodSeconds"] = grace;
  pod["spec"]["tolerations"] = tolerations;
  if (!deadline.is_null()) {
    pod["spec"]["activeDeadlineSeconds"] = deadline;
  }
  return pod;
}

TEST(CheckUnchanged, APodsDeadlineMayOnlyComeNearer) {
  const json before = pod_with_limits(60, json::array());
  EXPECT_NO_THROW(check_unchanged("pods", before, pod_with_limits(30, json::array())));
  EXPECT_NO_THROW(check_unchanged("pods", pod_with_limits(nullptr, json::array()), before));
  EXPECT_THROW(check_unchanged("pods", before, pod_with_limits(61, json::array())), Error);
  EXPECT_THROW(check_unchanged("pods", before, pod_with_limits(nullptr, json::array())), Error);
}

TEST(CheckUnchanged, TolerationsOfAPodStayButForTheirTime) {
  const json old{{"key", "a"}, {"operator", "Exists"}, {"tolerationSeconds", 300}};
  json longer = old;
  longer["tolerationSeconds"] = 600;
  const json more{{"key", "b"}, {"operator", "Exists"}};
  const json before = pod_with_limits(nullptr, json::array({old}));
  EXPECT_NO_THROW(check_unchanged("pods", before, pod_with_limits(nullptr, json::array({longer, more}))));
  EXPECT_THROW(check_unchanged("pods", before, pod_with_limits(nullptr, json::array({more}))), Error);
}

TEST(CheckUnchanged, APodsGraceStays) {
  EXPECT_THROW(check_unchanged("pods", pod_with_limits(nullptr, json::array(), 30),
                               pod_with_limits(nullptr, json::array(), 5)),
               Error);
}

TEST(CheckUnchanged, ASelectorNeverChanges) {
  const json before = {{"kind", "Deployment"},
                       {"metadata", {{"name", "web"}}},
                       {"spec", {{"replicas", 1}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}};
  json after = before;
  after["spec"]["replicas"] = 2;
  EXPECT_NO_THROW(check_unchanged("deployments", before, after));
  after["spec"]["selector"]["matchLabels"]["app"] = "api";
  for (const char* resource : {"deployments", "replicasets", "daemonsets", "statefulsets"}) {
    EXPECT_THROW(check_unchanged(resource, before, after), Error) << resource;
  }
}

TEST(CheckUnchanged, AStatefulSetsServiceNameStays) {
  const json before = {
      {"kind", "StatefulSet"}, {"metadata", {{"name", "db"}}}, {"spec", {{"serviceName", "db"}}}};
  json after = before;
  after["spec"]["template"] = json::object();
  EXPECT_NO_THROW(check_unchanged("statefulsets", before, after));
  after["spec"]["serviceName"] = "other";
  EXPECT_THROW(check_unchanged("statefulsets", before, after), Error);
}

TEST(CheckUnchanged, AnImmutableConfigMapKeepsItsData) {
  const json before = {
      {"kind", "ConfigMap"}, {"metadata", {{"name", "a"}}}, {"immutable", true}, {"data", {{"a", "1"}}}};
  json after = before;
  after["metadata"]["labels"] = {{"x", "y"}};
  EXPECT_NO_THROW(check_unchanged("configmaps", before, after));
  after["data"]["a"] = "2";
  EXPECT_THROW(check_unchanged("configmaps", before, after), Error);
}

TEST(CheckUnchanged, ASecretKeepsItsTypeAndTellsNothing) {
  const json before = {{"kind", "Secret"},
                       {"metadata", {{"name", "a"}}},
                       {"type", "Opaque"},
                       {"immutable", true},
                       {"data", {{"a", "c2VjcmV0"}}}};
  json after = before;
  after["type"] = "kubernetes.io/tls";
  EXPECT_THROW(check_unchanged("secrets", before, after), Error);
  after = before;
  after["data"]["a"] = "b3RoZXI=";
  try {
    check_unchanged("secrets", before, after);
    FAIL() << "it is immutable";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "Secret \"a\" is invalid: data: Forbidden: field is immutable when `immutable` is set");
  }
}

TEST(CheckUnchanged, ABoundClaimMayAskForMoreAndForNothingElse) {
  const json before = {{"kind", "PersistentVolumeClaim"},
                       {"metadata", {{"name", "a"}}},
                       {"spec",
                        {{"accessModes", {"ReadWriteOnce"}},
                         {"volumeName", "pvc-1"},
                         {"resources", {{"requests", {{"storage", "1Gi"}}}}}}},
                       {"status", {{"phase", "Bound"}}}};
  json after = before;
  after["spec"]["resources"]["requests"]["storage"] = "2Gi";
  after["spec"].erase("volumeName");
  EXPECT_NO_THROW(check_unchanged("persistentvolumeclaims", before, after));
  after["spec"]["accessModes"] = {"ReadWriteMany"};
  EXPECT_THROW(check_unchanged("persistentvolumeclaims", before, after), Error);
}

TEST(PrepareNew, DropsTheStatusOfTheClient) {
  json pod = kPod;
  pod["status"] = {{"phase", "Running"}, {"podIP", "10.0.0.1"}};
  prepare_new("pods", pod);
  EXPECT_EQ(pod["status"], (json{{"phase", "Pending"}, {"qosClass", "BestEffort"}}));
}

TEST(PrepareNew, NamesANamespaceByLabel) {
  json ns = {{"metadata", {{"name", "shop"}}}};
  prepare_new("namespaces", ns);
  EXPECT_EQ(ns["metadata"]["labels"]["kubernetes.io/metadata.name"], "shop");
  EXPECT_EQ(ns["status"]["phase"], "Active");
}

TEST(PlainMerge, HasNeitherListsNorDirectives) {
  EXPECT_TRUE(is_plain_merge({{"spec", {{"replicas", 3}}}, {"metadata", {{"labels", {{"a", nullptr}}}}}}));
  EXPECT_FALSE(is_plain_merge({{"spec", {{"containers", json::array()}}}}));
  EXPECT_FALSE(is_plain_merge({{"$patch", "replace"}}));
  EXPECT_FALSE(is_plain_merge(json::array()));
}

TEST(Scale, SaysReplicasAndSelector) {
  const json scale =
      scale_of({{"metadata", {{"name", "web"}, {"namespace", "default"}, {"resourceVersion", "7"}}},
                {"spec", {{"replicas", 3}, {"selector", {{"matchLabels", {{"a", "b"}, {"c", "d"}}}}}}},
                {"status", {{"replicas", 2}}}});
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["spec"]["replicas"], 3);
  EXPECT_EQ(scale["status"]["replicas"], 2);
  EXPECT_EQ(scale["status"]["selector"], "a=b,c=d");
  EXPECT_EQ(scale["metadata"]["resourceVersion"], "7");
}

TEST(Scale, RefusesWhatIsNoNumberOfReplicas) {
  EXPECT_EQ(replicas_in({{"spec", {{"replicas", 4}}}}), 4);
  EXPECT_EQ(replicas_in(json::object()), 0);
  for (const json& bad : {json(-1), json("3"), json(1.5), json(4294967296)}) {
    EXPECT_THROW(replicas_in({{"spec", {{"replicas", bad}}}}), Error) << bad;
  }
}

// ---- Jobs ---------------------------------------------------------------------------------------
json job_of_rules() {
  return {{"kind", "Job"},
          {"metadata", {{"name", "pi"}}},
          {"spec",
           {{"completions", 3},
            {"parallelism", 1},
            {"selector", {{"matchLabels", {{"batch.kubernetes.io/controller-uid", "u"}}}}},
            {"template",
             {{"metadata", {{"labels", {{"app", "pi"}, {"job-name", "pi"}}}}},
              {"spec", {{"nodeSelector", {{"disk", "ssd"}}}, {"restartPolicy", "Never"}}}}}}}};
}

std::string refusal_of_job(const json& before, const json& after) {
  try {
    check_unchanged("jobs", before, after);
    return "";
  } catch (const Error& error) {
    return error.message();
  }
}

TEST(CheckUnchanged, WhatAJobRunsStays) {
  const json before = job_of_rules();
  json after = before;
  after["spec"]["parallelism"] = 2;
  after["spec"]["suspend"] = true;
  after["spec"]["backoffLimit"] = 9;
  EXPECT_EQ(refusal_of_job(before, after), "");
  after["spec"]["completions"] = 4;
  EXPECT_EQ(refusal_of_job(before, after),
            "Job \"pi\" is invalid: spec.completions: Invalid value: 4: field is immutable");
  after = before;
  after["spec"]["completionMode"] = "Indexed";
  EXPECT_EQ(refusal_of_job(before, after),
            "Job \"pi\" is invalid: spec.completionMode: Invalid value: \"Indexed\": field is immutable");
  after = before;
  after["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure";
  EXPECT_NE(refusal_of_job(before, after).find("spec.template: Invalid value: "), std::string::npos);
}

TEST(CheckUnchanged, AnIndexedJobMayGrowWithItsParallelism) {
  json before = job_of_rules();
  before["spec"]["completionMode"] = "Indexed";
  json after = before;
  after["spec"]["completions"] = after["spec"]["parallelism"] = 5;
  EXPECT_EQ(refusal_of_job(before, after), "");
}

TEST(CheckUnchanged, ASuspendedJobMayGoElsewhereUntilItHasBegun) {
  json before = job_of_rules();
  before["spec"]["suspend"] = true;
  json after = before;
  after["spec"]["suspend"] = false;
  after["spec"]["template"]["spec"]["nodeSelector"] = {{"disk", "hdd"}};
  EXPECT_EQ(refusal_of_job(before, after), "");
  before["status"]["startTime"] = "2026-01-01T00:00:00Z";
  EXPECT_NE(refusal_of_job(before, after), "");
}

TEST(CheckUnchanged, WhatIsBeingDeletedGetsNoMoreFinalizers) {
  json before{{"kind", "Pod"}, {"metadata", {{"name", "a"}, {"finalizers", {"a.example/x", "b.example/y"}}}}};
  json after = before;
  after["metadata"]["finalizers"] = {"a.example/x", "c.example/z"};
  EXPECT_NO_THROW(check_unchanged("pods", before, after));
  before["metadata"]["deletionTimestamp"] = after["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  try {
    check_unchanged("pods", before, after);
    ADD_FAILURE() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "Pod \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the "
              "object is "
              "being deleted, found new finalizers []string{\"c.example/z\"}");
  }
  after["metadata"]["finalizers"] = {"b.example/y"};
  EXPECT_NO_THROW(check_unchanged("pods", before, after));
}

}  // namespace
}  // namespace labctl::apiserver
