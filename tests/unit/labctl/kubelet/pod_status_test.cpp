#include "labctl/kubelet/pod_status.hpp"

#include "labctl/objects/fields.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::kubelet {
namespace {

using nlohmann::json;
using objects::condition;
using objects::qos_class;
using objects::text_at;
using Kind = ContainerState::Kind;

const objects::TimePoint kNow{std::chrono::seconds(1136214245)};

json pod_with(const char* restart_policy, int containers, int inits = 0) {
  json pod{{"metadata", {{"name", "p"}}},
           {"spec", {{"restartPolicy", restart_policy}, {"containers", json::array()}}}};
  for (int i = 0; i < containers; ++i) {
    pod["spec"]["containers"].push_back({{"name", "c" + std::to_string(i)}, {"image", "app:1"}});
  }
  for (int i = 0; i < inits; ++i) {
    pod["spec"]["initContainers"].push_back({{"name", "i" + std::to_string(i)}, {"image", "app:1"}});
  }
  return pod;
}

ContainerStatus running(const char* name, bool is_ready = true) {
  ContainerStatus status;
  status.name = name;
  status.state = {Kind::Running, "", "", 0, 0, kNow, {}};
  status.is_ready = is_ready;
  status.is_started = true;
  return status;
}

ContainerStatus ended(const char* name, int code) {
  ContainerStatus status;
  status.name = name;
  status.state = {Kind::Terminated, "", "", code, 0, kNow, kNow};
  return status;
}

std::string status_of(const json& status, const char* type) {
  const json object{{"status", status}};
  const json* found = condition(object, type);
  return found == nullptr ? "" : text_at(*found, "status") + " " + text_at(*found, "reason");
}

TEST(PodStatus, AFreshPodIsPendingAndNotReady) {
  const json status = pod_status(pod_with("Always", 1), {}, kNow);
  EXPECT_EQ(status["phase"], "Pending");
  EXPECT_EQ(status_of(status, "Ready"), "False ContainersNotReady");
  EXPECT_EQ(status_of(status, "Initialized"), "True ");
  EXPECT_EQ(status["containerStatuses"][0]["state"]["waiting"]["reason"], "ContainerCreating");
  EXPECT_EQ(status["startTime"], "2006-01-02T15:04:05Z");
  EXPECT_EQ(status["qosClass"], "BestEffort");
}

TEST(PodStatus, IsReadyWhenEveryContainerIs) {
  const json pod = pod_with("Always", 2);
  EXPECT_EQ(status_of(pod_status(pod, {{}, {running("c0"), running("c1")}}, kNow), "Ready"), "True ");
  const json half = pod_status(pod, {{}, {running("c0"), running("c1", false)}}, kNow);
  EXPECT_EQ(status_of(half, "ContainersReady"), "False ContainersNotReady");
  EXPECT_EQ(half["phase"], "Running");
  EXPECT_EQ(half["conditions"].back()["message"], "containers with unready status: [c1]");
}

TEST(PodStatus, ReadinessGatesMustBeTrue) {
  json pod = pod_with("Always", 1);
  pod["spec"]["readinessGates"] = {{{"conditionType", "example.com/ok"}}};
  json status = pod_status(pod, {{}, {running("c0")}}, kNow);
  EXPECT_EQ(status_of(status, "ContainersReady"), "True ");
  EXPECT_EQ(status_of(status, "Ready"), "False ReadinessGatesNotReady");
  objects::set_condition(status, "example.com/ok", "True", kNow);
  pod["status"] = status;
  EXPECT_EQ(status_of(pod_status(pod, {{}, {running("c0")}}, kNow), "Ready"), "True ");
}

TEST(PodStatus, ATransitionTimeMovesOnlyWithTheCondition) {
  json pod = pod_with("Always", 1);
  pod["status"] = pod_status(pod, {{}, {running("c0")}}, kNow);
  const json later = pod_status(pod, {{}, {running("c0")}}, kNow + std::chrono::seconds(60));
  EXPECT_EQ(later, pod["status"]);
  const json changed = pod_status(pod, {{}, {running("c0", false)}}, kNow + std::chrono::seconds(60));
  const json object{{"status", changed}};
  EXPECT_EQ(text_at(*condition(object, "Ready"), "lastTransitionTime"), "2006-01-02T15:05:05Z");
}

TEST(PodStatus, KeepsWhatOthersDecided) {
  json pod = pod_with("Always", 1);
  pod["status"] = {{"podIP", "10.244.1.2"}, {"hostIP", "192.168.50.11"}};
  const json status = pod_status(pod, {{}, {running("c0")}}, kNow);
  EXPECT_EQ(status["podIP"], "10.244.1.2");
  EXPECT_EQ(status["hostIP"], "192.168.50.11");
}

TEST(PodStatus, ContainerStatusesSayHowTheyStandAndStood) {
  ContainerStatus status = running("c0");
  status.restart_count = 2;
  status.container_id = "labctl://1";
  status.last = ContainerState{Kind::Terminated, "", "", 137, 9, kNow, kNow};
  const json made = pod_status(pod_with("Always", 1), {{}, {status}}, kNow)["containerStatuses"][0];
  EXPECT_EQ(made["restartCount"], 2);
  EXPECT_EQ(made["containerID"], "labctl://1");
  EXPECT_EQ(made["ready"], true);
  EXPECT_EQ(made["image"], "app:1");
  EXPECT_EQ(made["state"]["running"]["startedAt"], "2006-01-02T15:04:05Z");
  EXPECT_EQ(made["lastState"]["terminated"]["exitCode"], 137);
  EXPECT_EQ(made["lastState"]["terminated"]["signal"], 9);
  EXPECT_EQ(made["lastState"]["terminated"]["reason"], "Error");
}

TEST(PodStatus, AFinishedPodIsNotReadyForAReason) {
  const json status = pod_status(pod_with("Never", 1), {{}, {ended("c0", 0)}}, kNow);
  EXPECT_EQ(status["phase"], "Succeeded");
  EXPECT_EQ(status_of(status, "Ready"), "False PodCompleted");
}

TEST(PodStatus, InitContainersComeFirst) {
  const json pod = pod_with("Always", 1, 2);
  const json status = pod_status(pod, {{ended("i0", 0), running("i1")}, {}}, kNow);
  EXPECT_EQ(status["phase"], "Pending");
  EXPECT_EQ(status_of(status, "Initialized"), "False ContainersNotInitialized");
  EXPECT_EQ(status["containerStatuses"][0]["state"]["waiting"]["reason"], "PodInitializing");
  EXPECT_EQ(status["initContainerStatuses"][0]["ready"], true);
  EXPECT_EQ(status["initContainerStatuses"][1]["ready"], false);
}

struct PhaseCase {
  const char* policy;
  std::vector<ContainerStatus> containers;
  const char* phase;
};

TEST(PhaseFrom, FollowsTheRestartPolicy) {
  ContainerStatus back_off = ended("c1", 1);
  back_off.last = back_off.state;
  back_off.state = {Kind::Waiting, "CrashLoopBackOff", "", 0, 0, {}, {}};
  const std::vector<PhaseCase> cases{
      {"Always", {running("c0"), running("c1")}, "Running"},
      {"Always", {running("c0")}, "Pending"},
      {"Always", {ended("c0", 0), ended("c1", 1)}, "Running"},
      {"Always", {running("c0"), back_off}, "Running"},
      {"Never", {ended("c0", 0), ended("c1", 0)}, "Succeeded"},
      {"Never", {ended("c0", 0), ended("c1", 1)}, "Failed"},
      {"Never", {ended("c0", 1), running("c1")}, "Running"},
      {"OnFailure", {ended("c0", 0), ended("c1", 0)}, "Succeeded"},
      {"OnFailure", {ended("c0", 0), back_off}, "Running"},
  };
  for (const PhaseCase& c : cases) {
    EXPECT_EQ(phase_from(pod_with(c.policy, 2), {{}, c.containers}), c.phase) << c.policy;
  }
}

TEST(PhaseFrom, AFailedInitContainerFailsAPodThatNeverRestarts) {
  EXPECT_EQ(phase_from(pod_with("Never", 1, 1), {{ended("i0", 1)}, {}}), "Failed");
  EXPECT_EQ(phase_from(pod_with("Always", 1, 1), {{ended("i0", 1)}, {}}), "Pending");
}

TEST(PhaseFrom, APodThatIsOverHasSucceededOrFailedWhateverItsPolicy) {
  PodContainers containers{{}, {ended("c0", 0), ended("c1", 0)}, true};
  EXPECT_EQ(phase_from(pod_with("Always", 2), containers), "Succeeded");
  containers.containers[1] = ended("c1", 143);
  EXPECT_EQ(phase_from(pod_with("Always", 2), containers), "Failed");
  containers.containers.pop_back();  // never started
  EXPECT_EQ(phase_from(pod_with("OnFailure", 2), containers), "Failed");
}

TEST(PhaseFrom, APodThatWasEndedHasFailedForAReason) {
  PodContainers containers{{}, {ended("c0", 0)}, true};
  containers.reason = "DeadlineExceeded";
  containers.message = "too long";
  const json status = pod_status(pod_with("Always", 1), containers, kNow);
  EXPECT_EQ(status["phase"], "Failed");
  EXPECT_EQ(status["reason"], "DeadlineExceeded");
  EXPECT_EQ(status["message"], "too long");
}

TEST(PhaseFrom, ASidecarThatRunsLetsThePodStart) {
  json pod = pod_with("Always", 1, 1);
  pod["spec"]["initContainers"][0]["restartPolicy"] = "Always";
  EXPECT_EQ(phase_from(pod, {{running("i0")}, {running("c0")}}), "Running");
  EXPECT_EQ(status_of(pod_status(pod, {{running("i0")}, {running("c0")}}, kNow), "Initialized"), "True ");
}

TEST(QosClass, FollowsRequestsAndLimits) {
  json pod = pod_with("Always", 1);
  EXPECT_EQ(qos_class(pod), "BestEffort");
  json& resources = pod["spec"]["containers"][0]["resources"];
  resources["requests"]["cpu"] = "100m";
  EXPECT_EQ(qos_class(pod), "Burstable");
  resources = {{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}};
  EXPECT_EQ(qos_class(pod), "Guaranteed");
}

}  // namespace
}  // namespace labctl::kubelet
