#include "topology/dns/service_records.hpp"

#include "topology/dns/zones.hpp"
#include "topology/model/protocol.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace labctl::dns {
namespace {

constexpr const char* kSchemaVersion = "\"1.1.0\"";
constexpr int kWholeWeight = 100;

// One label of letters, digits and inner '-', in lower case: no dot, so what it names stays below its parent.
std::optional<std::string> label_of(std::string_view text) {
  if (text.empty() || text.front() == '-' || text.back() == '-' ||
      text.find_first_of("._") != std::string_view::npos) {
    return std::nullopt;
  }
  auto name = domain_name(text);
  if (name) {
    name->pop_back();
  }
  return name;
}

// "10-244-1-7"; a label begins and ends with a letter or digit, so ::1 is "0--1".
std::string label_of(const IpAddress& address) {
  std::string text = to_string(address);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '.' || c == ':'; }, '-');
  if (text.front() == '-') {
    text.insert(text.begin(), '0');
  }
  if (text.back() == '-') {
    text += '0';
  }
  return text;
}

Record address_record(const std::string& name, const IpAddress& address) {
  return {name, address.family() == Family::IPv4 ? RecordType::A : RecordType::Aaaa, to_string(address)};
}

// "shop.svc.cluster.local."
std::optional<std::string> namespace_name(const std::string& ns, std::string_view kind,
                                          const std::string& domain) {
  const auto label = label_of(ns);
  return label ? domain_name(*label + "." + std::string(kind) + "." + domain) : std::nullopt;
}

std::string_view srv_protocol(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::Tcp:
      return "_tcp.";
    case model::Protocol::Udp:
      return "_udp.";
    case model::Protocol::Sctp:
      return "_sctp.";
  }
  return "";
}

// The records of one Service while they are made.
class Answers {
 public:
  explicit Answers(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  void add(Record record) { records_.insert(std::move(record)); }
  void add_address(const std::string& name, const IpAddress& address) { add(address_record(name, address)); }
  void add_pointer(const IpAddress& address, const std::string& name) {
    add({reverse_name(address), RecordType::Ptr, name});
  }
  // Only named ports have one.
  void add_server(const std::string& port_name, model::Protocol protocol, std::uint16_t port,
                  const std::string& target) {
    const auto label = label_of(port_name);
    const auto owner =
        label ? domain_name("_" + *label + "." + std::string(srv_protocol(protocol)) + name_) : std::nullopt;
    if (owner) {
      servers_[*owner].insert({port, target});
    }
  }

  // Sorted, none twice.
  std::vector<Record> records() && {
    for (const auto& [owner, targets] : servers_) {
      const int weight = std::max(1, kWholeWeight / static_cast<int>(targets.size()));
      for (const auto& [port, target] : targets) {
        add({owner, RecordType::Srv,
             "0 " + std::to_string(weight) + " " + std::to_string(port) + " " + target});
      }
    }
    return {records_.begin(), records_.end()};
  }

 private:
  std::string name_;
  std::set<Record> records_;
  std::map<std::string, std::set<std::pair<std::uint16_t, std::string>>> servers_;  // by owner
};

void add_cluster_ips(const model::Service& service, Answers& answers) {
  for (const IpAddress& address : service.cluster_ips) {
    answers.add_address(answers.name(), address);
    answers.add_pointer(address, answers.name());
  }
  for (const model::ServicePort& port : service.ports) {
    answers.add_server(port.name, port.protocol, port.port, answers.name());
  }
}

void add_endpoints(const model::EndpointSlice& slice, Answers& answers) {
  for (const model::Endpoint& endpoint : slice.endpoints) {
    if (!endpoint.is_ready) {
      continue;
    }
    answers.add_address(answers.name(), endpoint.address);
    const std::string host = label_of(endpoint.hostname).value_or(label_of(endpoint.address));
    const auto name = domain_name(host + "." + answers.name());
    if (!name) {
      continue;
    }
    answers.add_address(*name, endpoint.address);
    answers.add_pointer(endpoint.address, *name);
    for (const model::EndpointPort& port : slice.ports) {
      answers.add_server(port.name, port.protocol, port.port, *name);
    }
  }
}

}  // namespace

std::vector<Record> service_records(const model::Service& service,
                                    const std::vector<const model::EndpointSlice*>& slices,
                                    const std::string& domain) {
  const auto label = label_of(service.key.name);
  const auto parent = namespace_name(service.key.ns, "svc", domain);
  const auto name = label && parent ? domain_name(*label + "." + *parent) : std::nullopt;
  if (!name) {
    return {};
  }
  Answers answers(*name);
  if (!service.external_name.empty()) {
    if (auto target = domain_name(service.external_name)) {
      answers.add({*name, RecordType::Cname, *std::move(target)});
    }
  } else if (service.is_headless) {
    for (const model::EndpointSlice* slice : slices) {
      add_endpoints(*slice, answers);
    }
  } else if (!service.cluster_ips.empty()) {
    add_cluster_ips(service, answers);
  }
  return std::move(answers).records();
}

std::vector<Record> pod_records(const std::string& ns, const std::vector<IpAddress>& addresses,
                                const std::string& domain) {
  std::set<Record> records;
  const auto parent = namespace_name(ns, "pod", domain);
  for (const IpAddress& address : addresses) {
    if (const auto name = parent ? domain_name(label_of(address) + "." + *parent) : std::nullopt) {
      records.insert(address_record(*name, address));
    }
  }
  return {records.begin(), records.end()};
}

std::vector<Record> namespace_records(const std::string& ns, const std::string& domain) {
  const auto parent = namespace_name(ns, "svc", domain);
  // No Service, port or endpoint has a name that begins so.
  const auto name = parent ? domain_name("_ns." + *parent) : std::nullopt;
  if (!name) {
    return {};
  }
  return {{*name, RecordType::Txt, "\"namespace\""}};
}

std::vector<Record> schema_records(const std::string& domain, const std::vector<IpAddress>& server) {
  std::set<Record> records;
  if (const auto name = domain_name("dns-version." + domain)) {
    records.insert({*name, RecordType::Txt, kSchemaVersion});
  }
  if (const auto name = domain_name("ns.dns." + domain)) {
    for (const IpAddress& address : server) {
      records.insert(address_record(*name, address));
    }
  }
  return {records.begin(), records.end()};
}

}  // namespace labctl::dns
