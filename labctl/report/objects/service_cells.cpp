#include "labctl/report/objects/service_cells.hpp"

#include "labctl/report/objects/fields.hpp"

#include <algorithm>
#include <set>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostShown = 3;
// Of a balancer's addresses in a table that is not wide.
constexpr size_t kBalancerWidth = 16;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : ",") + word;
  }
  return out;
}

std::string with_port(const std::string& address, const std::string& port) {
  const bool has_colon = address.find(':') != std::string::npos;
  return (has_colon ? "[" + address + "]" : address) + ":" + port;
}

std::vector<std::string> words_in(const Json& object, const std::string& pointer) {
  std::vector<std::string> words;
  for (const Json& word : list(object, pointer)) {
    if (word.is_string()) {
      words.push_back(word.get<std::string>());
    }
  }
  return words;
}

std::string balancer_addresses(const Json& service, bool whole) {
  std::set<std::string> addresses;
  for (const Json& ingress : list(service, "/status/loadBalancer/ingress")) {
    const std::string address = text_or(ingress, "/ip", text(ingress, "/hostname"));
    if (!address.empty()) {
      addresses.insert(address);
    }
  }
  std::string out = joined({addresses.begin(), addresses.end()});
  return whole || out.size() <= kBalancerWidth ? out : out.substr(0, kBalancerWidth - 3) + "...";
}

bool is_ready(const Json& endpoint) {
  const Json& ready = at(endpoint, "/conditions/ready");
  return ready.is_null() || ready == true;
}

std::string first_address(const Json& endpoint) {
  const std::vector<std::string> addresses = words_in(endpoint, "/addresses");
  return addresses.empty() ? std::string() : addresses.front();
}

void add_ready(const Json& slice, const std::string& port, std::vector<std::string>& out) {
  for (const Json& endpoint : list(slice, "/endpoints")) {
    const std::string address = first_address(endpoint);
    if (!address.empty() && is_ready(endpoint)) {
      out.push_back(port.empty() ? address : with_port(address, port));
    }
  }
}

}  // namespace

std::string first_of(const std::vector<std::string>& words, size_t most, const std::string& otherwise) {
  if (words.size() <= most) {
    return words.empty() ? otherwise : joined(words);
  }
  return joined({words.begin(), words.begin() + static_cast<std::ptrdiff_t>(most)}) + " + " +
         std::to_string(words.size() - most) + " more...";
}

std::string external_ip_of(const Json& service, bool whole) {
  const std::string type = text_or(service, "/spec/type", "ClusterIP");
  if (type == "ExternalName") {
    return text_or(service, "/spec/externalName", "<none>");
  }
  std::vector<std::string> addresses = words_in(service, "/spec/externalIPs");
  if (type == "LoadBalancer") {
    if (const std::string given = balancer_addresses(service, whole); !given.empty()) {
      addresses.insert(addresses.begin(), given);
    }
    return addresses.empty() ? "<pending>" : joined(addresses);
  }
  return addresses.empty() ? "<none>" : joined(addresses);
}

std::string ports_of_service(const Json& service) {
  std::vector<std::string> ports;
  for (const Json& port : list(service, "/spec/ports")) {
    const std::string node_port = number(port, "/nodePort") == 0 ? "" : ":" + text(port, "/nodePort");
    ports.push_back(text(port, "/port") + node_port + "/" + text_or(port, "/protocol", "TCP"));
  }
  return ports.empty() ? "<none>" : joined(ports);
}

std::string ports_of_slice(const Json& slice) {
  std::vector<std::string> ports;
  for (const Json& port : list(slice, "/ports")) {
    ports.push_back(text_or(port, "/port", text_or(port, "/name", "*")));
  }
  return first_of(ports, kMostShown, "<unset>");
}

std::string addresses_of_slice(const Json& slice) {
  std::vector<std::string> addresses;
  for (const Json& endpoint : list(slice, "/endpoints")) {
    const std::vector<std::string> own = words_in(endpoint, "/addresses");
    addresses.insert(addresses.end(), own.begin(), own.end());
  }
  return first_of(addresses, kMostShown, "<unset>");
}

std::string addresses_of_endpoints(const Json& endpoints) {
  std::vector<std::string> addresses;
  for (const Json& subset : list(endpoints, "/subsets")) {
    const Json& ports = list(subset, "/ports");
    for (const Json& address : list(subset, "/addresses")) {
      if (ports.empty()) {
        addresses.push_back(text(address, "/ip"));
      }
    }
    for (const Json& port : ports) {
      for (const Json& address : list(subset, "/addresses")) {
        addresses.push_back(with_port(text(address, "/ip"), text(port, "/port")));
      }
    }
  }
  return first_of(addresses, kMostShown, "<none>");
}

std::string endpoints_of_port(const std::vector<Json>& slices, const std::string& port_name) {
  std::vector<std::string> found;
  for (const Json& slice : slices) {
    const Json& ports = list(slice, "/ports");
    if (ports.empty()) {
      add_ready(slice, "", found);
    }
    for (const Json& port : ports) {
      if (text(port, "/name") == port_name) {
        add_ready(slice, text(port, "/port"), found);
      }
    }
  }
  return first_of(found, kMostShown, "<none>");
}

std::string ingress_of(const Json& service) {
  std::string out;
  for (const Json& ingress : list(service, "/status/loadBalancer/ingress")) {
    std::string one = text_or(ingress, "/ip", text(ingress, "/hostname"));
    if (const std::string mode = text(ingress, "/ipMode"); !mode.empty()) {
      one += " (" + mode + ")";
    }
    out += (out.empty() ? "" : ", ") + one;
  }
  return out;
}

}  // namespace labctl::report
