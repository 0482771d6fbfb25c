#include "labctl/api/address_book.hpp"

#include "topology/model/place.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>

namespace labctl::api {
namespace {

using nlohmann::json;

std::set<IpAddress> addresses_in(const json& object, const char* field) {
  std::set<IpAddress> addresses;
  const json texts = object.value(field, json::array());
  for (const json& text : texts) {
    if (const auto address = text.is_string() ? IpAddress::parse(text.get<std::string>()) : std::nullopt) {
      addresses.insert(*address);
    }
  }
  return addresses;
}

}  // namespace

AddressBook address_book(const json& graph) {
  AddressBook book;
  for (const json& node : graph.value("nodes", json::array())) {
    const std::string id = to_string(model::Place::node(node.value("name", "")));
    const std::set<IpAddress> addresses = addresses_in(node, "addresses");
    book.own[id] = book.node[id] = addresses;
    // Towards pods a node speaks with the address of its bridge or of its VXLAN device.
    for (const json& text : node.value("podCIDRs", json::array())) {
      const auto cidr = Prefix::parse(text.get<std::string>());
      for (const std::uint64_t n : {0, 1}) {
        if (const auto host = cidr ? cidr->subnet(cidr->length() + cidr->host_bits(), n) : std::nullopt) {
          book.own[id].insert(host->address());
        }
      }
    }
    for (const json& pod : node.value("pods", json::array())) {
      const std::string pod_id =
          to_string(model::Place::pod(pod.value("namespace", ""), pod.value("name", "")));
      book.own[pod_id] = addresses_in(pod, "ips");
      book.node[pod_id] = addresses;
    }
  }
  for (const json& host : graph.value("outside", json::array())) {
    book.own[to_string(model::Place::outside(host.value("name", "")))] = addresses_in(host, "addresses");
  }
  return book;
}

}  // namespace labctl::api
