// core/v1 Service: its fields. The rules between them are in service_rules.cpp.

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/service_rules.hpp"
#include "topology/manifest/kinds/status_schema.hpp"

#include <array>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 4> kServiceTypes{"ClusterIP", "NodePort", "LoadBalancer",
                                                        "ExternalName"};
constexpr std::array<std::string_view, 3> kServiceProtocols{"TCP", "UDP", "SCTP"};
constexpr std::array<std::string_view, 2> kAffinities{"None", "ClientIP"};
constexpr std::array<std::string_view, 2> kTrafficPolicies{"Cluster", "Local"};
constexpr std::array<std::string_view, 3> kTrafficDistributions{"PreferClose", "PreferSameZone",
                                                                "PreferSameNode"};
constexpr std::array<std::string_view, 2> kServiceFamilies{"IPv4", "IPv6"};
constexpr std::array<std::string_view, 3> kFamilyPolicies{"SingleStack", "PreferDualStack",
                                                          "RequireDualStack"};

// A number, or a name that each pod resolves; 0 and "" are as if left out.
constexpr Field target_port() {
  return {.name = "targetPort",
          .type = FieldType::IntOrString,
          .check = check_target_port,
          .min = 0,
          .max = 65535};
}

constexpr std::array kServicePortFields{
    text("name", check_dns_label),
    text("protocol").one_of(kServiceProtocols),
    text("appProtocol", check_qualified_name),
    port("port").required(),
    target_port(),
    integer("nodePort", 0, 65535),
};
constexpr Schema kServicePort{"Service port", kServicePortFields};

constexpr std::array kClientIpFields{integer("timeoutSeconds", 1, 86400)};
constexpr Schema kClientIp{"clientIP of a sessionAffinityConfig", kClientIpFields};
constexpr std::array kAffinityConfigFields{object("clientIP", kClientIp)};
constexpr Schema kAffinityConfig{"sessionAffinityConfig", kAffinityConfigFields};

constexpr std::array kServiceSpecFields{
    text("type").one_of(kServiceTypes),
    text("clusterIP"),
    texts("clusterIPs"),
    texts("ipFamilies").one_of(kServiceFamilies),
    text("ipFamilyPolicy").one_of(kFamilyPolicies),
    list("ports", kServicePort),
    string_map("selector", check_label_key, check_label_value),
    text("sessionAffinity").one_of(kAffinities),
    object("sessionAffinityConfig", kAffinityConfig),
    text("externalTrafficPolicy").one_of(kTrafficPolicies),
    text("internalTrafficPolicy").one_of(kTrafficPolicies),
    text("trafficDistribution").one_of(kTrafficDistributions),
    boolean("publishNotReadyAddresses"),
    texts("externalIPs"),
    text("externalName"),
    boolean("allocateLoadBalancerNodePorts"),
    text("loadBalancerClass", check_qualified_name),
    text("loadBalancerIP"),
    texts("loadBalancerSourceRanges"),
    integer("healthCheckNodePort", 0, 65535),
};
constexpr Schema kServiceSpec{"Service spec", kServiceSpecFields, nullptr, check_service_spec};

constexpr std::array kServiceFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kServiceSpec).required(),
    reserved("status", kServiceStatus),
};

}  // namespace

constexpr Schema kService{"Service", kServiceFields, nullptr, check_service_annotations};

}  // namespace labctl::manifest
