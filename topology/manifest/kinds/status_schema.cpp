// Types by the Kubernetes API: core/v1, apps/v1, batch/v1 and meta/v1. Nothing is required here: a status is written
// bit by bit, and a condition without a type is one that nobody looks for.

#include "topology/manifest/kinds/status_schema.hpp"

#include <array>

namespace labctl::manifest {
namespace {

constexpr Schema status_of(std::string_view name, std::span<const Field> fields) {
  return {.name = name, .fields = fields, .is_open = true};
}

constexpr Field number(std::string_view name) {
  return integer(name, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
}
constexpr Field version(std::string_view name) {
  return integer(name, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
}

// Of all kinds: some have lastProbeTime, some lastUpdateTime, no two all of them.
constexpr std::array kConditionFields{
    text("type"),
    text("status"),
    text("reason"),
    text("message"),
    version("observedGeneration"),
    text("lastTransitionTime", check_timestamp),
    text("lastProbeTime", check_timestamp),
    text("lastUpdateTime", check_timestamp),
    text("lastHeartbeatTime", check_timestamp),
};
constexpr Schema kCondition = status_of("condition", kConditionFields);

// ---- Pod ----------------------------------------------------------------------------------------
// An address that is not known yet is an empty text.
std::optional<Complaint> check_status_ip(std::string_view ip) {
  return ip.empty() ? std::nullopt : check_ip(ip);
}

constexpr std::array kPodIpFields{text("ip", check_status_ip)};
constexpr Schema kPodIp = status_of("pod address", kPodIpFields);

constexpr std::array kWaitingFields{text("reason"), text("message")};
constexpr Schema kWaiting = status_of("waiting container", kWaitingFields);
constexpr std::array kRunningFields{text("startedAt", check_timestamp)};
constexpr Schema kRunning = status_of("running container", kRunningFields);
constexpr std::array kTerminatedFields{
    number("exitCode"),
    number("signal"),
    text("reason"),
    text("message"),
    text("startedAt", check_timestamp),
    text("finishedAt", check_timestamp),
    text("containerID"),
};
constexpr Schema kTerminated = status_of("terminated container", kTerminatedFields);
constexpr std::array kContainerStateFields{
    object("waiting", kWaiting),
    object("running", kRunning),
    object("terminated", kTerminated),
};
constexpr Schema kContainerState = status_of("container state", kContainerStateFields);
constexpr std::array kContainerStatusFields{
    text("name"),
    object("state", kContainerState),
    object("lastState", kContainerState),
    boolean("ready"),
    number("restartCount"),
    text("image"),
    text("imageID"),
    text("containerID"),
    boolean("started"),
    text("stopSignal"),
};
constexpr Schema kContainerStatus = status_of("container status", kContainerStatusFields);

constexpr std::array kPodStatusFields{
    text("phase"),
    list("conditions", kCondition),
    text("message"),
    text("reason"),
    text("hostIP", check_status_ip),
    list("hostIPs", kPodIp),
    text("podIP", check_status_ip),
    list("podIPs", kPodIp),
    text("startTime", check_timestamp),
    list("containerStatuses", kContainerStatus),
    list("initContainerStatuses", kContainerStatus),
    list("ephemeralContainerStatuses", kContainerStatus),
    text("qosClass"),
    text("nominatedNodeName"),
    text("resize"),
    version("observedGeneration"),
};

// ---- Service ------------------------------------------------------------------------------------
constexpr std::array<std::string_view, 2> kIpModes{"VIP", "Proxy"};
constexpr std::array<std::string_view, 3> kPortProtocols{"TCP", "UDP", "SCTP"};
std::optional<Complaint> check_status_hostname(std::string_view name) {
  return name.empty() ? std::nullopt : check_dns_subdomain(name);
}
constexpr std::array kPortStatusFields{
    port("port"),
    text("protocol").one_of(kPortProtocols),
    text("error"),
};
constexpr Schema kPortStatus = status_of("port status", kPortStatusFields);
constexpr std::array kIngressFields{
    text("ip", check_status_ip),
    text("hostname", check_status_hostname),
    text("ipMode").one_of(kIpModes),
    list("ports", kPortStatus),
};
constexpr Schema kIngress = status_of("load balancer ingress", kIngressFields);
constexpr std::array kLoadBalancerFields{list("ingress", kIngress)};
constexpr Schema kLoadBalancer = status_of("load balancer status", kLoadBalancerFields);
constexpr std::array kServiceStatusFields{
    object("loadBalancer", kLoadBalancer),
    list("conditions", kCondition),
};

// ---- Node, Namespace ----------------------------------------------------------------------------
constexpr std::array kNodeAddressFields{text("type"), text("address")};
constexpr Schema kNodeAddress = status_of("node address", kNodeAddressFields);
constexpr std::array kNodeInfoFields{
    text("machineID"),      text("systemUUID"),       text("bootID"),
    text("kernelVersion"),  text("osImage"),          text("containerRuntimeVersion"),
    text("kubeletVersion"), text("kubeProxyVersion"), text("operatingSystem"),
    text("architecture"),
};
constexpr Schema kNodeInfo = status_of("nodeInfo", kNodeInfoFields);
constexpr std::array kImageFields{texts("names"), version("sizeBytes")};
constexpr Schema kImage = status_of("node image", kImageFields);
constexpr Schema kQuantities = status_of("quantities", {});
constexpr std::array kNodeStatusFields{
    object("capacity", kQuantities),
    object("allocatable", kQuantities),
    text("phase"),
    list("conditions", kCondition),
    list("addresses", kNodeAddress),
    object("nodeInfo", kNodeInfo),
    list("images", kImage),
    texts("volumesInUse"),
};
constexpr std::array kNamespaceStatusFields{text("phase"), list("conditions", kCondition)};

// ---- Workloads ----------------------------------------------------------------------------------
constexpr std::array kDeploymentStatusFields{
    version("observedGeneration"), count("replicas"),
    count("updatedReplicas"),      count("availableReplicas"),
    count("unavailableReplicas"),  list("conditions", kCondition),
    count("readyReplicas"),        count("collisionCount"),
    count("terminatingReplicas"),
};
constexpr std::array kReplicaSetStatusFields{
    count("replicas"),
    count("fullyLabeledReplicas"),
    version("observedGeneration"),
    count("readyReplicas"),
    count("availableReplicas"),
    list("conditions", kCondition),
    count("terminatingReplicas"),
};
constexpr std::array kStatefulSetStatusFields{
    version("observedGeneration"), count("replicas"),        count("readyReplicas"),
    count("currentReplicas"),      count("updatedReplicas"), text("currentRevision"),
    text("updateRevision"),        count("collisionCount"),  list("conditions", kCondition),
    count("availableReplicas"),
};
constexpr std::array kDaemonSetStatusFields{
    count("currentNumberScheduled"), count("numberMisscheduled"),
    count("desiredNumberScheduled"), count("numberReady"),
    version("observedGeneration"),   count("updatedNumberScheduled"),
    count("numberAvailable"),        count("numberUnavailable"),
    count("collisionCount"),         list("conditions", kCondition),
};

// ---- Job ----------------------------------------------------------------------------------------
constexpr std::array kUncountedFields{texts("succeeded"), texts("failed")};
constexpr Schema kUncounted = status_of("uncounted pods", kUncountedFields);
constexpr std::array kJobStatusFields{
    list("conditions", kCondition),
    text("startTime", check_timestamp),
    text("completionTime", check_timestamp),
    count("active"),
    count("ready"),
    count("terminating"),
    count("succeeded"),
    count("failed"),
    text("completedIndexes"),
    text("failedIndexes"),
    object("uncountedTerminatedPods", kUncounted),
};
constexpr std::array kActiveJobFields{text("kind"), text("namespace"), text("name"), text("uid"),
                                      text("apiVersion")};
constexpr Schema kActiveJob = status_of("active Job", kActiveJobFields);
constexpr std::array kCronJobStatusFields{
    list("active", kActiveJob),
    text("lastScheduleTime", check_timestamp),
    text("lastSuccessfulTime", check_timestamp),
};

}  // namespace

constexpr Schema kPodStatus = status_of("Pod status", kPodStatusFields);
constexpr Schema kServiceStatus = status_of("Service status", kServiceStatusFields);
constexpr Schema kNodeStatus = status_of("Node status", kNodeStatusFields);
constexpr Schema kNamespaceStatus = status_of("Namespace status", kNamespaceStatusFields);
constexpr Schema kDeploymentStatus = status_of("Deployment status", kDeploymentStatusFields);
constexpr Schema kReplicaSetStatus = status_of("ReplicaSet status", kReplicaSetStatusFields);
constexpr Schema kStatefulSetStatus = status_of("StatefulSet status", kStatefulSetStatusFields);
constexpr Schema kDaemonSetStatus = status_of("DaemonSet status", kDaemonSetStatusFields);
constexpr Schema kJobStatus = status_of("Job status", kJobStatusFields);
constexpr Schema kCronJobStatus = status_of("CronJob status", kCronJobStatusFields);

}  // namespace labctl::manifest
