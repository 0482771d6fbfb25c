#pragma once

// Where the addresses of a lab are, to tell whose source a server saw. Pure.

#include "topology/base/ip_address.hpp"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <set>
#include <string>

namespace labctl::api {

struct AddressBook {
  // Of a place, and of the node it is on, by the place's id.
  std::map<std::string, std::set<IpAddress>> own, node;
};

// Of the reply of GET /lab/v1/graph.
AddressBook address_book(const nlohmann::json& graph);

}  // namespace labctl::api
