#include "labctl/report/objects/describe.hpp"

#include "topology/base/timestamp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace labctl::report {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::string described(const Json& object, const std::vector<Json>& events = {},
                      const std::vector<Json>& related = {}) {
  std::ostringstream out;
  print_description(out, object, events, related, *parse_timestamp("2026-01-02T03:05:05Z"));
  return out.str();
}

const Json kPod = Json::parse(R"({
  "apiVersion":"v1","kind":"Pod",
  "metadata":{"name":"web-0","namespace":"default","labels":{"app":"web","tier":"front"},
              "ownerReferences":[{"kind":"StatefulSet","name":"web","controller":true}]},
  "spec":{"nodeName":"node-1","containers":[{"name":"app","image":"nginx","command":["nginx","-g"],
          "ports":[{"containerPort":80,"name":"http"}],
          "env":[{"name":"A","value":"1"},{"name":"KEY","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}]},
  "status":{"phase":"Running","hostIP":"192.168.50.11","podIPs":[{"ip":"10.244.1.2"}],"qosClass":"BestEffort",
    "startTime":"2026-01-02T03:04:05Z","conditions":[{"type":"Ready","status":"True"}],
    "containerStatuses":[{"name":"app","ready":true,"restartCount":2,"state":{"running":{"startedAt":"2026-01-02T03:04:06Z"}},
      "lastState":{"terminated":{"exitCode":1,"reason":"Error"}}}]}})");

TEST(Describe, TellsOfAPodAsKubectlDoes) {
  const std::string text = described(kPod);
  EXPECT_THAT(text, HasSubstr("Name:           web-0\n"));
  EXPECT_THAT(text, HasSubstr("Node:           node-1/192.168.50.11\n"));
  EXPECT_THAT(text, HasSubstr("Labels:         app=web\n                tier=front\n"));
  EXPECT_THAT(text, HasSubstr("Controlled By:  StatefulSet/web\n"));
  EXPECT_THAT(text, HasSubstr("Start Time:     Fri, 02 Jan 2026 03:04:05 UTC\n"));
  EXPECT_THAT(text, HasSubstr("  app:\n    Image:    nginx\n    Ports:    80/TCP (http)\n    Command:  "
                              "nginx\n              -g\n"));
  EXPECT_THAT(text, HasSubstr("    Last State:  Terminated\n      Reason:     Error\n      Exit Code:  1\n"));
  EXPECT_THAT(text, HasSubstr("Restart Count:  2"));
  EXPECT_THAT(text, HasSubstr("Events:  <none>\n"));
}

TEST(Describe, ShowsTaintsAndTolerations) {
  const Json node = Json::parse(R"({"kind":"Node","metadata":{"name":"node-1"},"spec":{"unschedulable":true,
    "taints":[{"key":"gpu","value":"a100","effect":"NoSchedule"},{"key":"broken","effect":"NoExecute"}]}})");
  EXPECT_THAT(described(node), HasSubstr("gpu=a100:NoSchedule,broken:NoExecute\n"));
  Json pod = kPod;
  EXPECT_THAT(described(pod), HasSubstr("Tolerations:     <none>\n"));
  pod["spec"]["tolerations"] = Json::parse(R"([{"key":"gpu","value":"a100","effect":"NoSchedule"},
    {"key":"broken","operator":"Exists","effect":"NoExecute","tolerationSeconds":60},{"operator":"Exists"}])");
  const std::string text = described(pod);
  EXPECT_THAT(text, HasSubstr("Tolerations:     op=Exists\n"
                              "                 broken:NoExecute op=Exists for 60s\n"
                              "                 gpu=a100:NoSchedule\n"));
}

TEST(Describe, NamesSecretsAndDoesNotShowThem) {
  EXPECT_THAT(described(kPod), HasSubstr("KEY=<secretKeyRef s/k>"));
}

TEST(Describe, ListsEventsWithTheirAge) {
  const Json event =
      Json::parse(R"({"type":"Warning","reason":"BackOff","message":"again\nand again","count":3,
    "firstTimestamp":"2026-01-02T03:04:05Z","lastTimestamp":"2026-01-02T03:05:00Z","source":{"component":"kubelet"}})");
  const std::string text = described(kPod, {event});
  EXPECT_THAT(text, HasSubstr("5s (x3 over 60s)"));
  EXPECT_THAT(text, HasSubstr("again and again"));
}

TEST(Describe, ListsThePodsOfANode) {
  const Json node =
      Json::parse(R"({"kind":"Node","metadata":{"name":"node-1"},"spec":{"podCIDR":"10.244.1.0/24"}})");
  const std::string text = described(node, {}, {kPod});
  EXPECT_THAT(text, HasSubstr("Pods (1):"));
  EXPECT_THAT(text, HasSubstr("default     web-0   Running"));
}

TEST(Describe, ShowsOtherKindsByTheirFields) {
  const Json other =
      Json::parse(R"({"kind":"Frob","apiVersion":"v1","metadata":{"name":"x"},"spec":{"a":[1,2]}})");
  EXPECT_THAT(described(other), HasSubstr("Spec:\n  a:\n  - 1\n  - 2\n"));
}

TEST(Describe, SurvivesObjectsOfAnyShape) {
  for (const char* kind : {"Pod", "Node", "Deployment", "DaemonSet", "Frob"}) {
    for (const char* rest : {"{}", R"({"metadata":[],"spec":7,"status":"x"})",
                             R"({"spec":{"containers":[1,null,{"env":[{}],"ports":5}]}})"}) {
      Json object = Json::parse(rest);
      object["kind"] = kind;
      EXPECT_NO_THROW(described(object, {Json::object(), 5}, {nullptr})) << kind << rest;
    }
  }
}

}  // namespace
}  // namespace labctl::report
