#include "labctl/probing/resolve_probe.hpp"

#include "labctl/objects/decode_service.hpp"
#include "labctl/probing/resolver.hpp"
#include "probes/protocol/target.hpp"
#include "topology/base/error.hpp"
#include "topology/dns/zones.hpp"

#include <algorithm>
#include <utility>

namespace labctl::probing {
namespace {

using protocol::ProbeProtocol;

constexpr std::uint16_t kHttpPort = 80;

Error bad(const std::string& field, const std::string& why) {
  return Error(ErrorKind::InvalidInput, field + ": " + why);
}

model::Protocol transport_of(ProbeProtocol protocol) {
  switch (protocol) {
    case ProbeProtocol::Udp:
      return model::Protocol::Udp;
    case ProbeProtocol::Sctp:
      return model::Protocol::Sctp;
    case ProbeProtocol::Tcp:
    case ProbeProtocol::Http:
    case ProbeProtocol::Icmp:
    case ProbeProtocol::Dns:
      return model::Protocol::Tcp;
  }
  return model::Protocol::Tcp;
}

// An address of those of `id` that the vantage has the family of; else the first.
IpAddress address_for(const std::string& id, const std::vector<IpAddress>& addresses,
                      const engine::Vantage& from) {
  if (addresses.empty()) {
    throw Error(ErrorKind::NotFound, "\"" + id + "\": has no address yet");
  }
  for (const IpAddress& address : addresses) {
    for (const IpAddress& own : from.addresses) {
      if (own.family() == address.family()) {
        return address;
      }
    }
  }
  return addresses.front();
}

ProbeProtocol protocol_of(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::Tcp:
      return ProbeProtocol::Tcp;
    case model::Protocol::Udp:
      return ProbeProtocol::Udp;
    case model::Protocol::Sctp:
      return ProbeProtocol::Sctp;
  }
  return ProbeProtocol::Tcp;
}

// By name or by number; a number that the Service does not have is probed as it is: that it is refused may be
// the point.
model::ServicePort port_of(const model::Service& service, const protocol::ServiceTarget& target) {
  std::string names;
  for (const model::ServicePort& port : service.ports) {
    if (target.port_name.empty() ? port.port == target.port : port.name == target.port_name) {
      return port;
    }
    names += (names.empty() ? "" : ", ") + (port.name.empty() ? std::to_string(port.port) : port.name);
  }
  if (!target.port_name.empty()) {
    throw Error(ErrorKind::NotFound,
                "svc/" + target.ns + "/" + target.name + ": has no port named \"" + target.port_name + "\"",
                "it has " + names);
  }
  return {"", model::Protocol::Tcp, target.port, 0};
}

// The built-in server may answer behind any address that is not a place's own: Services, NodePorts of nodes.
bool is_direct(const VantageTable& table, const IpAddress& address) {
  const Place* owner = table.find(table.owner_of(address));
  return owner != nullptr && owner->kind != PlaceKind::Node;
}

// The resolver of the probe's place. `what` is to be looked up.
const Resolver& resolver_of(const VantageTable& table, const engine::Probe& probe, const std::string& what) {
  const Resolver* resolver = table.find(probe.from->id)->resolver.get();
  if (resolver == nullptr || resolver->servers.empty()) {
    throw Error(ErrorKind::Unsupported, what + ": " + probe.from->id + " has no DNS server to ask",
                "dns: {enabled: true} in the Cluster makes one; else name a server (dns:NAME/TYPE@ADDRESS) "
                "or an address");
  }
  return *resolver;
}

// The addresses of a name, of the families that the place has, its own first.
std::shared_ptr<const engine::DnsSearch> address_search(const std::string& name, const Resolver& resolver,
                                                        const engine::Vantage& from) {
  std::vector<std::string> types;
  for (const IpAddress& own : from.addresses) {
    const std::string type = own.family() == Family::IPv4 ? "A" : "AAAA";
    if (std::find(types.begin(), types.end(), type) == types.end()) {
      types.push_back(type);
    }
  }
  if (types.empty()) {
    types = {"A"};
  }
  auto search = std::make_shared<engine::DnsSearch>();
  search->servers = resolver.servers;
  for (const protocol::DnsQuestion& question : candidates(name, types.front(), resolver)) {
    for (const std::string& type : types) {
      search->candidates.push_back(question);
      search->candidates.back().type = type;
    }
  }
  return search;
}

// Fills address, port and protocol of a probe from its target.
class Resolve {
 public:
  Resolve(engine::Probe& probe, const VantageTable& table, std::optional<ProbeProtocol> asked,
          const protocol::DnsQuestion& question)
      : probe_(probe), table_(table), asked_(asked), question_(question) {}

  void operator()(const protocol::AddressTarget& target) {
    probe_.protocol = asked_.value_or(ProbeProtocol::Tcp);
    probe_.address = target.address;
    probe_.port = target.port;
  }
  void operator()(const protocol::NameTarget& target) {
    probe_.protocol = target.port == 0 ? ProbeProtocol::Icmp : asked_.value_or(ProbeProtocol::Tcp);
    if (probe_.protocol == ProbeProtocol::Dns) {
      throw bad("to", "a DNS server is named by its address");
    }
    to_name(target.name);
    probe_.port = target.port;
  }
  void operator()(const protocol::PlaceTarget& target) {
    to_place(to_string(target.place), target.port, target.place.kind == PlaceKind::Pod);
  }
  void operator()(const protocol::ServiceTarget& target) {
    const model::Service service = objects::decode_service(table_.service(target.ns, target.name));
    const std::string id = "svc/" + target.ns + "/" + target.name;
    if (service.cluster_ips.empty()) {
      throw Error(ErrorKind::InvalidInput, "\"" + id + "\": has no ClusterIP (headless or ExternalName)",
                  "probe the pods behind it: pod/NAMESPACE/NAME");
    }
    const model::ServicePort& port = port_of(service, target);
    probe_.address = address_for(id, service.cluster_ips, *probe_.from);
    probe_.protocol = asked_.value_or(protocol_of(port.protocol));
    probe_.port = port.port;
  }
  void operator()(const protocol::UrlTarget& target) {
    probe_.protocol = ProbeProtocol::Http;
    if (const auto address = IpAddress::parse(target.url.host)) {
      probe_.address = *address;
    } else {
      to_name(target.url.host);
    }
    probe_.port = target.url.port;
    probe_.tls = target.url.scheme == "https";
    path_ = target.url.path;
    host_ = protocol::host_header(target.url);
  }
  void operator()(const protocol::IcmpTarget& target) {
    probe_.protocol = ProbeProtocol::Icmp;
    probe_.address = target.address;
  }
  void operator()(const protocol::DnsTarget& target) {
    probe_.protocol = ProbeProtocol::Dns;
    protocol::DnsQuestion question = question_;
    question.name = target.name;
    question.type = target.type;
    if (asked_ && *asked_ != ProbeProtocol::Dns && *asked_ != ProbeProtocol::Tcp &&
        *asked_ != ProbeProtocol::Udp) {
      throw bad("proto", "a name is asked for by udp or tcp");
    }
    question.tcp = question.tcp || asked_ == ProbeProtocol::Tcp;
    if (const auto address = IpAddress::parse(target.name); address && target.type == "PTR") {
      question.name = dns::reverse_name(*address);
    }
    if (const std::string why = protocol::question_error(question); !why.empty()) {
      throw Error(ErrorKind::InvalidInput, "dns:" + target.name + ": " + why);
    }
    if (target.server) {
      probe_.address = *target.server;
      probe_.port = target.server_port;
      probe_.dns = std::make_shared<const protocol::DnsQuestion>(std::move(question));
      return;
    }
    const Resolver& resolver = resolver_of(table_, probe_, "dns:" + target.name);
    auto search = std::make_shared<engine::DnsSearch>();
    search->servers = resolver.servers;
    for (protocol::DnsQuestion& candidate : candidates(question.name, question.type, resolver)) {
      question.name = std::move(candidate.name);
      search->candidates.push_back(question);
    }
    probe_.dns_search = std::move(search);
  }

  const std::string& path() const { return path_; }
  const std::string& host() const { return host_; }

 private:
  void to_name(const std::string& name) {
    probe_.dns_search = address_search(name, resolver_of(table_, probe_, name), *probe_.from);
  }
  void to_place(const std::string& id, std::optional<std::uint16_t> port, bool needs_port) {
    const Place& to = table_.place(id);
    probe_.address = address_for(to.id, to.addresses, *probe_.from);
    const ProbeProtocol protocol = asked_.value_or(ProbeProtocol::Tcp);
    if (!port && protocol == ProbeProtocol::Dns) {
      port = engine::kDnsPort;
    } else if (!port && protocol != ProbeProtocol::Icmp) {
      port = declared_port(to, protocol);
    }
    probe_.protocol = !port && !needs_port && !asked_ ? ProbeProtocol::Icmp : protocol;
    if (!port && probe_.protocol != ProbeProtocol::Icmp) {
      throw Error(
          ErrorKind::InvalidInput,
          "\"" + id + "\": declares no " + std::string(model::to_string(transport_of(protocol))) + " port",
          "name one: " + id + ":PORT, or probe with --proto icmp");
    }
    probe_.port = port.value_or(0);
  }

  engine::Probe& probe_;
  const VantageTable& table_;
  std::optional<ProbeProtocol> asked_;
  const protocol::DnsQuestion& question_;  // how to ask; the target says what
  std::string path_ = "/";
  std::string host_;
};

// proto dns with another target than dns:NAME: that one is the server.
void ask_target(engine::Probe& probe, const protocol::DnsQuestion& question) {
  if (const std::string why =
          question.name.empty() ? "a name to ask for is required" : protocol::question_error(question);
      !why.empty()) {
    throw bad("dns.name", why);
  }
  probe.dns = std::make_shared<const protocol::DnsQuestion>(question);
}

std::shared_ptr<const protocol::HttpRequest> http_of(const api::ProbeRequest& request,
                                                     const engine::Probe& probe, const Resolve& resolved) {
  protocol::HttpRequest http;
  http.path = resolved.path();
  http.body_kept = request.whole_body ? protocol::kHttpBodyWhole : protocol::kHttpBodyKept;
  http.host = resolved.host().empty() ? to_string(probe.address, probe.port) : resolved.host();
  if (request.http) {
    http.method = request.http->method.value_or(http.method);
    http.path = request.http->path.value_or(http.path);
    http.host = request.http->host.value_or(http.host);
    http.body = request.http->body;
    http.expect_status = request.http->status;
    http.headers.assign(request.http->headers.begin(), request.http->headers.end());
  }
  if (const std::string why = protocol::request_error(http); !why.empty()) {
    throw bad("http", why);
  }
  return std::make_shared<const protocol::HttpRequest>(std::move(http));
}

}  // namespace

std::optional<std::uint16_t> declared_port(const Place& place, ProbeProtocol protocol) {
  for (const model::ContainerPort& port : place.ports) {
    if (port.protocol == transport_of(protocol)) {
      return port.container_port;
    }
  }
  return std::nullopt;
}

engine::Probe resolve_probe(const api::ProbeRequest& request, const VantageTable& table) {
  engine::Probe probe;
  probe.from = &table.vantage(request.from);
  const protocol::DnsQuestion question = request.question();
  Resolve resolve(probe, table, request.protocol, question);
  std::visit(resolve, protocol::parse_target(request.target()));
  if (probe.protocol == ProbeProtocol::Dns && !probe.dns && !probe.dns_search) {
    ask_target(probe, question);
  }
  probe.timeout = request.timeout;
  probe.count = request.count;
  probe.keep_rtts = request.percentiles;
  probe.source_port = request.source_port;
  probe.retry_within = request.retry_within;
  probe.expect = request.expect;
  if (!is_direct(table, probe.address)) {
    probe.identify = engine::Identify::Ask;
  }
  if (probe.protocol == ProbeProtocol::Http) {
    probe.port = probe.port != 0 ? probe.port : kHttpPort;
    probe.http = http_of(request, probe, resolve);
  }
  return probe;
}

}  // namespace labctl::probing
