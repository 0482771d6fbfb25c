#include "labctl/endpoints/endpoint_slice.hpp"

#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>

namespace labctl::endpoints {
namespace {

using nlohmann::json;
using objects::field;
using objects::is_true_at;
using objects::list_at;
using objects::text_at;

void set_if_any(json& object, const char* name, const std::string& value) {
  if (!value.empty()) {
    object[name] = value;
  }
}

json target_json(const EndpointTarget& target) {
  json object{{"kind", target.kind}};
  set_if_any(object, "namespace", target.ns);
  set_if_any(object, "name", target.name);
  set_if_any(object, "uid", target.uid);
  return object;
}

json endpoint_json(const Endpoint& endpoint) {
  json conditions{{"ready", endpoint.is_ready}};
  if (endpoint.is_serving) {
    conditions["serving"] = *endpoint.is_serving;
  }
  if (endpoint.is_terminating) {
    conditions["terminating"] = *endpoint.is_terminating;
  }
  json object{{"addresses", json::array({endpoint.address})}, {"conditions", std::move(conditions)}};
  set_if_any(object, "hostname", endpoint.hostname);
  set_if_any(object, "nodeName", endpoint.node);
  set_if_any(object, "zone", endpoint.zone);
  if (endpoint.is_for_its_zone) {
    object["hints"]["forZones"] = json::array({{{"name", endpoint.zone}}});
  }
  if (endpoint.is_for_its_node) {
    object["hints"]["forNodes"] = json::array({{{"name", endpoint.node}}});
  }
  if (!endpoint.target.kind.empty()) {
    object["targetRef"] = target_json(endpoint.target);
  }
  return object;
}

json port_json(const SlicePort& port) {
  json object{{"name", port.name}, {"port", port.port}, {"protocol", port.protocol}};
  set_if_any(object, "appProtocol", port.app_protocol);
  return object;
}

Endpoint parse_endpoint(const json& object) {
  Endpoint endpoint;
  const json& addresses = list_at(object, "addresses");
  if (!addresses.empty() && addresses.front().is_string()) {
    endpoint.address = addresses.front().get_ref<const std::string&>();
  }
  endpoint.is_ready = is_true_at(object, "conditions.ready");
  if (field(object, "conditions.serving") != nullptr) {
    endpoint.is_serving = is_true_at(object, "conditions.serving");
  }
  if (field(object, "conditions.terminating") != nullptr) {
    endpoint.is_terminating = is_true_at(object, "conditions.terminating");
  }
  endpoint.hostname = text_at(object, "hostname");
  endpoint.node = text_at(object, "nodeName");
  endpoint.zone = text_at(object, "zone");
  endpoint.is_for_its_zone = !list_at(object, "hints.forZones").empty();
  endpoint.is_for_its_node = !list_at(object, "hints.forNodes").empty();
  endpoint.target = {text_at(object, "targetRef.kind"), text_at(object, "targetRef.namespace"),
                     text_at(object, "targetRef.name"), text_at(object, "targetRef.uid")};
  return endpoint;
}

}  // namespace

json slice_fields(const EndpointSlice& slice) {
  json ports = json::array();
  for (const SlicePort& port : slice.ports) {
    ports.push_back(port_json(port));
  }
  json endpoints = json::array();
  for (const Endpoint& endpoint : slice.endpoints) {
    endpoints.push_back(endpoint_json(endpoint));
  }
  return {
      {"addressType", slice.address_type}, {"ports", std::move(ports)}, {"endpoints", std::move(endpoints)}};
}

ParsedSlice parse_slice(const json& object) {
  ParsedSlice parsed;
  EndpointSlice& slice = parsed.slice;
  slice.name = objects::name_of(object);
  slice.address_type = text_at(object, "addressType");
  for (const json& port : list_at(object, "ports")) {
    slice.ports.push_back({text_at(port, "name"), text_at(port, "protocol"),
                           objects::number_at(port, "port", 0), text_at(port, "appProtocol")});
  }
  for (const json& endpoint : list_at(object, "endpoints")) {
    slice.endpoints.push_back(parse_endpoint(endpoint));
  }
  const json fields = slice_fields(slice);
  parsed.is_exact = true;
  for (const auto& [name, value] : fields.items()) {
    const json* there = field(object, name);
    parsed.is_exact = parsed.is_exact && there != nullptr && *there == value;
  }
  return parsed;
}

}  // namespace labctl::endpoints
