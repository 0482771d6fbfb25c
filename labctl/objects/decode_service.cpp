#include "labctl/objects/decode_service.hpp"

#include "labctl/objects/json_values.hpp"
#include "topology/base/error.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace labctl::objects {
namespace {

using nlohmann::json;

// Legacy, for when the field is empty (network model §10.2).
constexpr const char* kSourceRanges = "service.beta.kubernetes.io/load-balancer-source-ranges";

model::Protocol protocol_of(const json& port) {
  const std::string text = member_text(port, "protocol");
  return model::parse_protocol(text.empty() ? "TCP" : text).value_or(model::Protocol::Tcp);
}

model::TrafficPolicy policy_of(const json& spec, const char* field) {
  return member_text(spec, field) == "Local" ? model::TrafficPolicy::Local : model::TrafficPolicy::Cluster;
}

std::uint16_t port_number(const json& object, const char* field) {
  const json& value = member(object, field);
  return value.is_number_integer() ? value.get<std::uint16_t>() : std::uint16_t{0};
}

std::vector<Prefix> source_ranges_of(const json& service) {
  std::vector<std::string> texts = member_texts(member(service, "spec"), "loadBalancerSourceRanges");
  if (texts.empty()) {
    const std::string list = member_text(member(member(service, "metadata"), "annotations"), kSourceRanges);
    for (size_t at = 0; at < list.size();) {
      const size_t end = std::min(list.find(',', at), list.size());
      texts.push_back(list.substr(at, end - at));
      at = end + 1;
    }
  }
  std::vector<Prefix> ranges;
  for (std::string& text : texts) {
    std::erase(text, ' ');
    if (const auto range = Prefix::parse(text)) {
      ranges.push_back(*range);
    }
  }
  return ranges;
}

void decode_ingress(const json& service, model::Service& out) {
  for (const json& ingress : member(member(member(service, "status"), "loadBalancer"), "ingress")) {
    const std::string ip = member_text(ingress, "ip");
    if (!ip.empty()) {
      auto& list = member_text(ingress, "ipMode") == "Proxy" ? out.proxied_ips : out.load_balancer_ips;
      list.push_back(address_in(ip));
    }
  }
}

bool flag(const json& conditions, const char* name, bool otherwise) {
  const json& value = member(conditions, name);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

std::vector<std::string> hint_names(const json& hints, const char* field) {
  std::vector<std::string> names;
  for (const json& hint : member(hints, field)) {
    names.push_back(member_text(hint, "name"));
  }
  return names;
}

model::Endpoint decode_endpoint(const json& endpoint, const std::string& address) {
  model::Endpoint out;
  out.address = address_in(address);
  out.node = member_text(endpoint, "nodeName");
  out.hostname = member_text(endpoint, "hostname");
  const json& conditions = member(endpoint, "conditions");
  out.is_ready = flag(conditions, "ready", true);
  out.is_serving = flag(conditions, "serving", out.is_ready);
  out.is_terminating = flag(conditions, "terminating", false);
  out.zone_hints = hint_names(member(endpoint, "hints"), "forZones");
  out.node_hints = hint_names(member(endpoint, "hints"), "forNodes");
  return out;
}

model::Service to_service(const json& service) {
  model::Service out;
  const json& metadata = member(service, "metadata");
  const json& spec = member(service, "spec");
  out.key = {member_text(metadata, "namespace"), member_text(metadata, "name")};
  const json& labels = member(metadata, "labels");
  out.is_ignored = labels.is_object() &&
                   (labels.contains(model::kHeadlessLabel) || labels.contains(model::kServiceProxyLabel));
  if (member_text(spec, "type") == "ExternalName") {
    out.external_name = member_text(spec, "externalName");
  } else {
    out.is_headless = member_text(spec, "clusterIP") == "None";
    for (const std::string& ip : member_texts(spec, "clusterIPs")) {
      if (ip != "None" && !ip.empty()) {
        out.cluster_ips.push_back(address_in(ip));
      }
    }
  }
  for (const json& port : member(spec, "ports")) {
    out.ports.push_back({member_text(port, "name"), protocol_of(port), port_number(port, "port"),
                         port_number(port, "nodePort")});
  }
  out.internal_policy = policy_of(spec, "internalTrafficPolicy");
  out.external_policy = policy_of(spec, "externalTrafficPolicy");
  for (const std::string& ip : member_texts(spec, "externalIPs")) {
    out.external_ips.push_back(address_in(ip));
  }
  if (member_text(spec, "type") == "LoadBalancer") {
    decode_ingress(service, out);
    out.source_ranges = source_ranges_of(service);
    out.health_check_node_port = port_number(spec, "healthCheckNodePort");
  }
  if (member_text(spec, "sessionAffinity") == "ClientIP") {
    const json& timeout = member(member(member(spec, "sessionAffinityConfig"), "clientIP"), "timeoutSeconds");
    out.affinity_timeout = std::chrono::seconds(timeout.is_number() ? timeout.get<std::int64_t>() : 10'800);
  }
  return out;
}

std::optional<model::EndpointSlice> to_slice(const json& slice) {
  model::EndpointSlice out;
  const json& metadata = member(slice, "metadata");
  out.service = {member_text(metadata, "namespace"),
                 member_text(member(metadata, "labels"), model::kServiceNameLabel)};
  if (out.service.name.empty() || member_text(slice, "addressType") == "FQDN") {
    return std::nullopt;
  }
  for (const json& port : member(slice, "ports")) {
    out.ports.push_back({member_text(port, "name"), protocol_of(port), port_number(port, "port")});
  }
  for (const json& endpoint : member(slice, "endpoints")) {
    // All addresses of one endpoint are of one pod; consumers use the first (API reference).
    const std::vector<std::string> addresses = member_texts(endpoint, "addresses");
    if (!addresses.empty()) {
      out.endpoints.push_back(decode_endpoint(endpoint, addresses.front()));
    }
  }
  return out;
}

}  // namespace

model::Service decode_service(const json& service) {
  try {
    return to_service(service);
  } catch (const json::exception& error) {
    throw Error(ErrorKind::InvalidInput, std::string("decode Service: ") + error.what());
  }
}

std::optional<model::EndpointSlice> decode_endpoint_slice(const json& slice) {
  try {
    return to_slice(slice);
  } catch (const json::exception& error) {
    throw Error(ErrorKind::InvalidInput, std::string("decode EndpointSlice: ") + error.what());
  }
}

}  // namespace labctl::objects
