// networking.k8s.io/v1: NetworkPolicy, Ingress and IngressClass, with the rules of API validation.

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/status_schema.hpp"

#include <array>

namespace labctl::manifest {
namespace {

constexpr Schema kTrafficStatus{.name = "status", .fields = {}, .is_open = true};

// ---- NetworkPolicy ------------------------------------------------------------------------------
constexpr std::array<std::string_view, 3> kPolicyProtocols{"TCP", "UDP", "SCTP"};
constexpr std::array<std::string_view, 2> kPolicyTypes{"Ingress", "Egress"};
constexpr std::array kPolicyPortFields{
    text("protocol").one_of(kPolicyProtocols),
    Field{.name = "port", .type = FieldType::IntOrString, .check = check_port_name, .min = 1, .max = 65535},
    port("endPort"),
};

void check_policy_port(const Place& place, Findings& findings) {
  const Place end = place.field("endPort");
  const Place first = place.field("port");
  if (end && (!first || first.node->is_string())) {
    findings.error(end, "Invalid value: may not be specified when `port` is " +
                            std::string(first ? "non-numeric" : "not specified"));
  } else if (end && end.node->integer < first.node->integer) {
    findings.error(end, "Invalid value: must be greater than or equal to `port`");
  }
}
constexpr Schema kPolicyPort{"NetworkPolicy port", kPolicyPortFields, check_policy_port};
constexpr std::array kBlockFields{text("cidr", check_cidr).required(), texts("except", check_cidr)};
constexpr Schema kBlock{"ipBlock", kBlockFields};
constexpr std::array kPeerFields{
    object("podSelector", kLabelSelector),
    object("namespaceSelector", kLabelSelector),
    object("ipBlock", kBlock),
};

void check_peer(const Place& peer, Findings& findings) {
  const bool is_selected = peer.field("podSelector") || peer.field("namespaceSelector");
  if (peer.field("ipBlock") && is_selected) {
    findings.error(peer.field("ipBlock"),
                   "Forbidden: may not be specified with other peer types such as podSelector");
  } else if (!is_selected && !peer.field("ipBlock")) {
    findings.error(peer, "Required value: must specify a peer",
                   "podSelector, namespaceSelector or ipBlock; every peer is meant by leaving the list out");
  }
}
constexpr Schema kPeer{"NetworkPolicy peer", kPeerFields, check_peer};
constexpr std::array kPolicyIngressFields{list("ports", kPolicyPort), list("from", kPeer)};
constexpr Schema kPolicyIngress{"NetworkPolicy ingress rule", kPolicyIngressFields};
constexpr std::array kPolicyEgressFields{list("ports", kPolicyPort), list("to", kPeer)};
constexpr Schema kPolicyEgress{"NetworkPolicy egress rule", kPolicyEgressFields};
constexpr std::array kPolicySpecFields{
    object("podSelector", kLabelSelector),
    list("ingress", kPolicyIngress),
    list("egress", kPolicyEgress),
    texts("policyTypes").one_of(kPolicyTypes),
};
constexpr Schema kPolicySpec{"NetworkPolicy spec", kPolicySpecFields};
constexpr std::array kPolicyFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kPolicySpec),
    reserved("status", kTrafficStatus),
};

// ---- Ingress ------------------------------------------------------------------------------------
constexpr std::array kBackendPortFields{text("name", check_port_name), port("number")};

void check_backend_port(const Place& place, Findings& findings) {
  if (bool(place.field("name")) == bool(place.field("number"))) {
    findings.error(place, "Required value: port name or number is required, and not both");
  }
}
constexpr Schema kBackendPort{"backend's port", kBackendPortFields, check_backend_port};
constexpr std::array kServiceBackendFields{text("name", check_dns_1035_label).required(),
                                           object("port", kBackendPort).required()};
constexpr Schema kServiceBackend{"backend's service", kServiceBackendFields};
constexpr std::array kResourceBackendFields{
    text("apiGroup"),
    text("kind", check_not_empty).required(),
    text("name", check_not_empty).required(),
};
constexpr Schema kResourceBackend{"backend's resource", kResourceBackendFields};
constexpr std::array kBackendFields{object("service", kServiceBackend), object("resource", kResourceBackend)};

void check_backend(const Place& backend, Findings& findings) {
  if (bool(backend.field("service")) == bool(backend.field("resource"))) {
    findings.error(backend, "Required value: one of service and resource is required",
                   "as in service: {name: web, port: {number: 80}}");
  }
}
constexpr Schema kBackend{"Ingress backend", kBackendFields, check_backend};
constexpr std::array<std::string_view, 3> kPathTypes{"Exact", "Prefix", "ImplementationSpecific"};
constexpr std::array kEdgePathFields{
    text("path"),
    text("pathType").one_of(kPathTypes).required(),
    object("backend", kBackend).required(),
};

void check_edge_path(const Place& path, Findings& findings) {
  const Place text = path.field("path");
  const bool is_own = path.field("pathType").text() == "ImplementationSpecific";
  if (!text.text().starts_with('/') && !(is_own && text.text().empty())) {
    findings.error(text, "Invalid value: " + in_quotes(text.text()) + ": must be an absolute path",
                   "begin it with \"/\"");
  }
}
constexpr Schema kEdgePath{"Ingress path", kEdgePathFields, check_edge_path};
constexpr std::array kEdgeHttpFields{list("paths", kEdgePath).required().not_empty()};
constexpr Schema kEdgeHttp{"Ingress http", kEdgeHttpFields};

// A wildcard stands for the first label.
std::optional<Complaint> check_edge_host(std::string_view host) {
  return host.empty() ? std::nullopt : check_dns_subdomain(host.starts_with("*.") ? host.substr(2) : host);
}
constexpr std::array kIngressRuleFields{text("host", check_edge_host), object("http", kEdgeHttp)};
constexpr Schema kIngressRule{"Ingress rule", kIngressRuleFields};
constexpr std::array kEdgeTlsFields{texts("hosts", check_edge_host), text("secretName")};
constexpr Schema kEdgeTls{"Ingress tls", kEdgeTlsFields};
constexpr std::array kEdgeSpecFields{
    text("ingressClassName", check_dns_subdomain),
    object("defaultBackend", kBackend),
    list("tls", kEdgeTls),
    list("rules", kIngressRule),
};

void check_ingress(const Place& spec, Findings& findings) {
  if (!spec.field("defaultBackend") && spec.field("rules").size() == 0) {
    findings.error(spec, "Invalid value: either `defaultBackend` or `rules` must be specified");
  }
}
constexpr Schema kEdgeSpec{"Ingress spec", kEdgeSpecFields, check_ingress};
constexpr std::array kEdgeFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kEdgeSpec),
    reserved("status", kTrafficStatus),
};

constexpr std::array kClassParametersFields{
    text("apiGroup"),
    text("kind", check_not_empty).required(),
    text("name", check_not_empty).required(),
    text("namespace"),
    text("scope"),
};
constexpr Schema kClassParameters{"IngressClass parameters", kClassParametersFields};
constexpr std::array kIngressClassSpecFields{text("controller", check_not_empty).required(),
                                             object("parameters", kClassParameters)};
constexpr Schema kIngressClassSpec{"IngressClass spec", kIngressClassSpecFields};
constexpr std::array kIngressClassFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kIngressClassSpec).required(),
};

}  // namespace

constexpr Schema kNetworkPolicy{"NetworkPolicy", kPolicyFields};
constexpr Schema kIngress{"Ingress", kEdgeFields};
constexpr Schema kIngressClass{"IngressClass", kIngressClassFields};

}  // namespace labctl::manifest
