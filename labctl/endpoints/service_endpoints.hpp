#pragma once

// Which endpoints a Service has: the rules of readiness, named ports and topology hints (network model §3,
// §4, §8.5). Pure: pods and Services come as the few facts that count.

#include "labctl/endpoints/endpoint_slice.hpp"
#include "topology/model/label_selector.hpp"

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace labctl::endpoints {

// What endpoints are made from.
struct EndpointPod {
  struct Port {
    std::string name;
    std::string protocol;
    std::int64_t number = 0;
    bool operator==(const Port&) const = default;
  };
  std::string ns;
  std::string name;
  std::string uid;
  std::string node;
  std::string hostname;   // spec.hostname
  std::string subdomain;  // spec.subdomain
  std::vector<std::string> addresses;
  bool is_ready = false;  // the condition
  bool is_being_deleted = false;
  std::vector<Port> ports;  // those with a name, of containers and sidecars
  bool operator==(const EndpointPod&) const = default;
};

// A pod that is finished or has no address has none here either, and so is no endpoint.
EndpointPod endpoint_pod(const nlohmann::json& pod);

struct ServiceEndpoints {
  struct Port {
    std::string name;
    std::string protocol;
    std::variant<std::int64_t, std::string> target;
    std::string app_protocol;
  };
  enum class Hints { None, SameZone, SameNode };
  std::string ns;
  std::string name;
  std::vector<std::string> address_types;  // the Service's families
  std::vector<Port> ports;
  bool publishes_not_ready = false;
  Hints hints = Hints::None;
};

ServiceEndpoints service_endpoints(const nlohmann::json& service);

// spec.selector if the controller is to make slices for the Service; empty
// when it has none or is an ExternalName.
model::Labels endpoint_selector(const nlohmann::json& service);

// The labels of its slices: its own, the Service's name, who manages them, and whether it is headless.
model::Labels slice_labels(const nlohmann::json& service);

// The zone of a node; empty when it has none.
using ZoneOfNode = std::function<const std::string&(const std::string&)>;

// For each address type of the Service what its slices should hold; an empty entry is one without endpoints.
std::map<std::string, WantedEndpoints> wanted_endpoints(const ServiceEndpoints& service,
                                                        const std::vector<const EndpointPod*>& pods,
                                                        const ZoneOfNode& zone_of);

// "IPv4" or "IPv6".
std::string address_type_of(const std::string& address);

}  // namespace labctl::endpoints
