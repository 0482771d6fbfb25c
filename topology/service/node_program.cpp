#include "topology/service/node_program.hpp"

#include <algorithm>

namespace labctl::service {
namespace {

// The verdict under a policy (network model §7.2).
void decide(Entry& entry, const Usable& usable, const std::vector<Backend>& backends) {
  // Nobody here but somebody elsewhere is silence, not a refusal: a balancer that probes this node is to try
  // another, and a client is not to be told that the Service is down.
  entry.verdict = !backends.empty() ? Verdict::Balance : usable.any() ? Verdict::Drop : Verdict::Reject;
  entry.backends = backends;
}

Entry internal_entry(const Vip& vip, const model::Service& service, const Usable& usable) {
  Entry entry{vip, Verdict::Reject, Traffic::Internal, {}, {}, {}};
  entry.is_own = service.internal_policy == model::TrafficPolicy::Local;
  decide(entry, usable, entry.is_own ? usable.local : usable.cluster);
  return entry;
}

Entry external_entry(const Vip& vip, const model::Service& service, const Usable& usable) {
  Entry entry{vip, Verdict::Reject, Traffic::ExternalCluster, {}, {}, {}};
  // Under Local, too, it is the cluster's endpoints that say whether anybody is there; pods and the
  // node's own processes use them (network model §8.2). Clients from outside get `local`, and nothing
  // where that is empty.
  decide(entry, usable, usable.cluster);
  if (service.external_policy == model::TrafficPolicy::Local && entry.verdict == Verdict::Balance) {
    entry.traffic = Traffic::ExternalLocal;
    entry.local = usable.local;
  }
  return entry;
}

// Of the lists of addresses of a Service only those of one family.
template <typename Add>
void each_of(const std::vector<IpAddress>& addresses, Family family, const Add& add) {
  for (const IpAddress& address : addresses) {
    if (address.family() == family) {
      add(address);
    }
  }
}

// loadBalancerSourceRanges. Ranges of the other family only: nobody of this one may come.
void admit_only(const std::vector<Prefix>& ranges, Entry& entry) {
  for (const Prefix& range : ranges) {
    if (range.family() == entry.vip.address.family()) {
      entry.source_ranges.push_back(range);
    }
  }
  // An empty list would mean "everybody" to whoever reads the entry.
  if (!ranges.empty() && entry.source_ranges.empty()) {
    entry.verdict = Verdict::Drop;
  }
}

PortProgram port_program(const model::Service& service, const model::ServicePort& port, Family family,
                         const Usable& usable, const ProgramNode& node) {
  PortProgram program{port_label(service, port), service.affinity_timeout, {}};
  const auto vip = [&](const IpAddress& address, std::uint16_t number) {
    return Vip{address, port.protocol, number};
  };
  each_of(service.cluster_ips, family, [&](const IpAddress& ip) {
    program.entries.push_back(internal_entry(vip(ip, port.port), service, usable));
  });
  each_of(service.external_ips, family, [&](const IpAddress& ip) {
    program.entries.push_back(external_entry(vip(ip, port.port), service, usable));
  });
  each_of(service.load_balancer_ips, family, [&](const IpAddress& ip) {
    program.entries.push_back(external_entry(vip(ip, port.port), service, usable));
    admit_only(service.source_ranges, program.entries.back());
  });
  // Source ranges are not for node ports (network model §10.1).
  if (port.node_port != 0) {
    each_of(node.addresses, family, [&](const IpAddress& ip) {
      program.entries.push_back(external_entry(vip(ip, port.node_port), service, usable));
    });
  }
  return program;
}

// On which of a node's addresses a hostPort answers.
std::vector<IpAddress> host_addresses(const model::ContainerPort& port, std::vector<IpAddress> all) {
  all.push_back(IpAddress::loopback(Family::IPv4));  // ::1 leads nowhere but home
  if (!port.host_ip) {
    return all;
  }
  if (*port.host_ip != IpAddress::any(port.host_ip->family())) {
    return {*port.host_ip};
  }
  std::erase_if(all, [&](const IpAddress& ip) { return ip.family() != port.host_ip->family(); });
  return all;
}

bool has_family(const model::Service& service, Family family) {
  return std::any_of(service.cluster_ips.begin(), service.cluster_ips.end(),
                     [&](const IpAddress& ip) { return ip.family() == family; });
}

}  // namespace

std::string to_string(const Vip& vip) {
  return to_string(vip.address, vip.port) + "/" + std::string(model::to_string(vip.protocol));
}

std::string port_label(const model::Service& service, const model::ServicePort& port) {
  return "svc " + to_string(service.key) + ":" + (port.name.empty() ? std::to_string(port.port) : port.name);
}

NodeProgram node_program(const model::Service& service, std::span<const model::EndpointSlice* const> slices,
                         const ProgramNode& node) {
  NodeProgram program;
  // Headless ones and ExternalNames have no address; DNS is all there is of them.
  if (service.is_ignored || service.cluster_ips.empty()) {
    return program;
  }
  for (const Family family : {Family::IPv4, Family::IPv6}) {
    if (!has_family(service, family)) {
      continue;
    }
    for (const model::ServicePort& port : service.ports) {
      const std::vector<PortEndpoint> endpoints = endpoints_of(port, family, slices);
      program.ports.push_back(port_program(service, port, family, usable_by(node.viewer, endpoints), node));
    }
  }
  program.cluster_ips = service.cluster_ips;
  return program;
}

NodeProgram host_port_program(const model::Pod& pod, const std::vector<IpAddress>& addresses) {
  NodeProgram program;
  PortProgram ports{"hostPort " + to_string(pod.key), std::chrono::seconds(0), {}};
  for (const model::Container& container : pod.containers) {
    for (const model::ContainerPort& port : container.ports) {
      for (const IpAddress& pod_ip : port.host_port == 0 ? std::vector<IpAddress>{} : pod.ips) {
        each_of(host_addresses(port, addresses), pod_ip.family(), [&](const IpAddress& ip) {
          ports.entries.push_back({{ip, port.protocol, port.host_port},
                                   Verdict::Balance,
                                   Traffic::HostPort,
                                   {{pod_ip, port.container_port}},
                                   {},
                                   {}});
        });
      }
    }
  }
  if (!ports.entries.empty()) {
    program.ports.push_back(std::move(ports));
  }
  return program;
}

// The mode Proxy ends the connection at the balancer and begins another one to a node port, so nodes see the
// router as the client: that is what the annotation asks for.
NodeProgram router_program(const model::Service& service, std::span<const IpAddress> nodes) {
  NodeProgram program;
  for (const model::ServicePort& port : service.ports) {
    PortProgram ports{port_label(service, port), std::chrono::seconds(0), {}};
    for (const IpAddress& ip : service.proxied_ips) {
      Entry entry{{ip, port.protocol, port.port}, Verdict::Reject, Traffic::ExternalCluster, {}, {}, {}};
      for (const IpAddress& node : nodes) {
        if (port.node_port != 0 && node.family() == ip.family()) {
          entry.backends.push_back({node, port.node_port});
        }
      }
      entry.verdict = entry.backends.empty() ? Verdict::Reject : Verdict::Balance;
      admit_only(service.source_ranges, entry);
      ports.entries.push_back(std::move(entry));
    }
    if (!ports.entries.empty()) {
      program.ports.push_back(std::move(ports));
    }
  }
  return program;
}

}  // namespace labctl::service
