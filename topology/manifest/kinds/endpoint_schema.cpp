// discovery.k8s.io/v1 EndpointSlice and core/v1 Endpoints: their fields, and the rules of API validation
// (apis/discovery/validation, ValidateEndpoints).

#include "topology/base/ip_address.hpp"
#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/model/well_known.hpp"

#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 3> kAddressTypes{"IPv4", "IPv6", "FQDN"};
constexpr std::array<std::string_view, 3> kEndpointProtocols{"TCP", "UDP", "SCTP"};
constexpr size_t kEndpointsMax = 1000;
constexpr size_t kAddressesMax = 100;
constexpr size_t kEndpointPortsMax = 20000;
constexpr size_t kHintsMax = 8;
using model::kServiceNameLabel;

constexpr std::array kObjectReferenceFields{
    text("kind"),       text("namespace"),       text("name"),      text("uid"),
    text("apiVersion"), text("resourceVersion"), text("fieldPath"),
};
constexpr Schema kObjectReference{"object reference", kObjectReferenceFields};

// Both kinds: a port's name may be empty.
std::optional<Complaint> check_endpoint_port_name(std::string_view text) {
  return text.empty() ? std::nullopt : check_dns_label(text);
}

void refuse_too_many(const Place& list, size_t most, Findings& findings, std::string hint = {}) {
  if (list.size() > most) {
    findings.error(
        list,
        "Too many: " + std::to_string(list.size()) + ": must have at most " + std::to_string(most) + " items",
        std::move(hint));
  }
}

void check_port_names_once(const Place& ports, Findings& findings) {
  std::set<std::string, std::less<>> seen;
  for (size_t i = 0; i < ports.size(); ++i) {
    const Place port = ports.item(i);
    const Place name = port.field("name");
    const bool is_text = !name || name.node->is_string();
    if (port && port.node->is_mapping() && is_text && !seen.emplace(name.text()).second) {
      refuse_second(name, in_quotes(name.text()), findings,
                    name.text().empty() ? "ports without a name have the name \"\": name them"
                                        : "each port has a name of its own");
    }
  }
}

// ---- EndpointSlice ------------------------------------------------------------------------------
constexpr std::array kConditionsFields{boolean("ready"), boolean("serving"), boolean("terminating")};
constexpr Schema kConditions{"endpoint's conditions", kConditionsFields};

constexpr std::array kZoneHintFields{text("name", check_label_value).required()};
constexpr Schema kZoneHint{"zone hint", kZoneHintFields};
constexpr std::array kNodeHintFields{text("name", check_dns_subdomain).required()};
constexpr Schema kNodeHint{"node hint", kNodeHintFields};
constexpr std::array kHintsFields{list("forZones", kZoneHint), list("forNodes", kNodeHint)};

void check_hints(const Place& hints, Findings& findings) {
  for (const char* field : {"forZones", "forNodes"}) {
    const Place list = hints.field(field);
    refuse_too_many(list, kHintsMax, findings);
    std::set<std::string, std::less<>> seen;
    for (size_t i = 0; i < list.size(); ++i) {
      const Place hint = list.item(i);
      const Place name = hint.field("name");
      if (!name.text().empty() && !seen.emplace(name.text()).second) {
        refuse_second(name, findings);
      }
    }
  }
}
constexpr Schema kHints{"endpoint's hints", kHintsFields, nullptr, check_hints};

constexpr std::array kSliceEndpointFields{
    texts("addresses").required().not_empty(),
    object("conditions", kConditions),
    text("hostname", check_dns_label),
    object("targetRef", kObjectReference),
    string_map("deprecatedTopology", check_label_key, check_label_value),
    text("nodeName", check_dns_subdomain),
    text("zone"),
    object("hints", kHints),
};
constexpr Schema kSliceEndpoint{"endpoint", kSliceEndpointFields};

constexpr std::array kSlicePortFields{
    text("name", check_endpoint_port_name),
    text("protocol").one_of(kEndpointProtocols),
    port("port"),
    text("appProtocol", check_qualified_name),
};
constexpr Schema kSlicePort{"EndpointSlice port", kSlicePortFields};

constexpr std::array kEndpointSliceFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    text("addressType").one_of(kAddressTypes).required(),
    list("endpoints", kSliceEndpoint),
    list("ports", kSlicePort),
};

void check_slice_ip(const Place& place, std::string_view family, Findings& findings) {
  const auto address = IpAddress::parse(place.text());
  if (!address || to_string(address->family()) != family) {
    refuse_value(place, "must be a valid " + std::string(family) + " address", findings,
                 address ? "write the addresses of each family in a slice of its own" : "");
    return;
  }
  check_ordinary_address(place, *address, findings);
}

void check_slice_name(const Place& place, Findings& findings) {
  std::string_view name = place.text();
  if (name.ends_with('.')) {
    name.remove_suffix(1);
  }
  if (check_dns_subdomain(name)) {
    refuse_value(place, "must be a lower-case DNS name", findings);
  } else if (name.find('.') == std::string_view::npos) {
    refuse_value(place, "should be a domain with at least two segments separated by dots", findings);
  }
}

void check_slice_addresses(const Place& endpoint, std::string_view type, Findings& findings) {
  const Place addresses = endpoint.field("addresses");
  refuse_too_many(addresses, kAddressesMax, findings);
  for (size_t i = 0; i < addresses.size(); ++i) {
    const Place address = addresses.item(i);
    if (!address || !address.node->is_string()) {
      continue;
    }
    if (type == "FQDN") {
      check_slice_name(address, findings);
    } else if (type == "IPv4" || type == "IPv6") {
      check_slice_ip(address, type, findings);
    }
  }
}

void check_slice(const Place& slice, Findings& findings) {
  const Place type = slice.field("addressType");
  const Place endpoints = slice.field("endpoints");
  refuse_too_many(endpoints, kEndpointsMax, findings,
                  "write several slices: a Service has the union of them");
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (const Place endpoint = endpoints.item(i); endpoint) {
      check_slice_addresses(endpoint, type.text(), findings);
    }
  }
  const Place ports = slice.field("ports");
  refuse_too_many(ports, kEndpointPortsMax, findings);
  check_port_names_once(ports, findings);
  const Place metadata = slice.field("metadata");
  const Place labels = metadata.field("labels");
  if (metadata && !labels.field(kServiceNameLabel)) {
    findings.warning(metadata, "no label " + std::string(kServiceNameLabel) + ": the slice is no Service's",
                     "as in labels: {" + std::string(kServiceNameLabel) + ": web}");
  }
}

// ---- Endpoints ----------------------------------------------------------------------------------
constexpr std::array kEndpointAddressFields{
    text("ip").required(),
    text("hostname", check_dns_label),
    text("nodeName", check_dns_subdomain),
    object("targetRef", kObjectReference),
};

void check_endpoint_address(const Place& place, Findings& findings) {
  const Place ip = place.field("ip");
  if (const auto address = read_address(ip, findings)) {
    check_ordinary_address(ip, *address, findings);
  }
}
constexpr Schema kEndpointAddress{"Endpoints address", kEndpointAddressFields, nullptr,
                                  check_endpoint_address};

constexpr std::array kEndpointPortFields{
    text("name", check_endpoint_port_name),
    port("port").required(),
    text("protocol").one_of(kEndpointProtocols),
    text("appProtocol", check_qualified_name),
};
constexpr Schema kEndpointPort{"Endpoints port", kEndpointPortFields};

constexpr std::array kSubsetFields{
    list("addresses", kEndpointAddress),
    list("notReadyAddresses", kEndpointAddress),
    list("ports", kEndpointPort),
};

void check_subset(const Place& subset, Findings& findings) {
  const Place ready = subset.field("addresses");
  const Place not_ready = subset.field("notReadyAddresses");
  if (ready.size() + not_ready.size() == 0) {
    refuse_missing(subset, "must specify `addresses` or `notReadyAddresses`", findings);
  }
  const Place ports = subset.field("ports");
  for (size_t i = 0; i < ports.size() && ports.size() > 1; ++i) {
    const Place port = ports.item(i);
    const Place name = port.field("name");
    if (port && port.node->is_mapping() && (!name || (name.node->is_string() && name.text().empty()))) {
      refuse_missing(name, "each port of several must have a name", findings);
      return;
    }
  }
  check_port_names_once(ports, findings);
}
constexpr Schema kSubset{"Endpoints subset", kSubsetFields, nullptr, check_subset};

constexpr std::array kEndpointsFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    list("subsets", kSubset),
};

}  // namespace

constexpr Schema kEndpointSlice{"EndpointSlice", kEndpointSliceFields, nullptr, check_slice};
constexpr Schema kEndpoints{"Endpoints", kEndpointsFields};

}  // namespace labctl::manifest
