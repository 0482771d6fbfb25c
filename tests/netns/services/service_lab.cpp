#include "tests/netns/services/service_lab.hpp"

#include "topology/kernel/network_namespace.hpp"
#include "topology/plan/address_plan.hpp"
#include "topology/ruleset/services/layout_factory.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>

namespace labctl {
namespace {

using probes::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What is answered is answered at once, but the machine may be busy; what is dropped stays so.
constexpr seconds kPatience{5};
constexpr milliseconds kSilence{300};

model::Cluster cluster_of(const Layout& layout) {
  model::Cluster cluster = model::default_cluster("test");
  cluster.dataplane = layout.dataplane;
  cluster.network.mode = layout.mode;
  cluster.families = {layout.family};
  cluster.nodes.clear();
  for (const char* name : {"node-1", "node-2", "node-3"}) {
    cluster.nodes.push_back({name, {}, {}, {}});
  }
  const model::DefaultRanges& ranges = model::default_ranges(layout.family);
  cluster.network.node_cidrs = {ranges.node};
  cluster.network.pod_cidrs = {ranges.pod};
  cluster.network.service_cidrs = {ranges.service};
  cluster.network.load_balancer_cidrs = {ranges.load_balancer};
  std::uint64_t offset = 10;
  for (model::OutsideHost& host : cluster.outside.hosts) {
    host.addresses = {ranges.outside.address().plus(offset++)};
  }
  return plan::give_out_addresses(cluster);
}

// a1 a2 on node-1, b1 b2 on node-2, ...
std::vector<plan::PodSlot> pods_of(const model::Cluster& cluster) {
  std::vector<plan::PodSlot> pods;
  for (std::size_t node = 0; node < cluster.nodes.size(); ++node) {
    for (std::uint64_t i = 1; i <= 2; ++i) {
      plan::PodSlot pod;
      pod.id = pod_id(std::string(1, static_cast<char>('a' + node)) + std::to_string(i));
      pod.node = node;
      pod.addresses = {cluster.nodes[node].pod_cidrs.front().address().plus(1 + i)};
      pod.number = static_cast<std::uint32_t>(pods.size() + 1);
      pods.push_back(pod);
    }
  }
  return pods;
}

UniqueFd own_namespace() {
  kernel::NamespaceScope scope;
  scope.enter_new();
  return UniqueFd(::fcntl(kernel::NetworkNamespace::current().fd(), F_DUPFD_CLOEXEC, 0));
}

server::Role echo_role() {
  server::Role role;
  role.name = "declared ports";
  role.endpoints.push_back({model::Protocol::Tcp, kTarget, server::Service::NetexecHttp});
  role.endpoints.push_back({model::Protocol::Udp, kTarget, server::Service::NetexecText});
  return role;
}

}  // namespace

std::string pod_id(const std::string& name) { return "pod/default/" + name; }

ServiceLab::ServiceLab() : cluster_(cluster_of(GetParam())), fabric_(network_, own_namespace()) {
  fabric_.apply(plan::plan_fabric(cluster_));
  const std::vector<plan::PodSlot> pods = pods_of(cluster_);
  fabric_.apply(plan::plan_pods(cluster_, pods));
  for (const model::Node& node : cluster_.nodes) {
    node_of_[node.name] = node.name;
    add_vantage(node.name, plan::node_id(node.name), node.addresses);
    Node& made = nodes_[node.name];
    made.program = {{node.name, ""}, node.addresses};
    made.table = std::make_unique<apply::ServiceTable>(fabric_.namespace_fd(plan::node_id(node.name)),
                                                       ruleset::make_node_layout(cluster_, node));
  }
  for (const plan::PodSlot& pod : pods) {
    const std::string name = pod.id.substr(pod.id.rfind('/') + 1);
    node_of_[name] = cluster_.nodes[pod.node].name;
    add_vantage(name, pod.id, pod.addresses);
  }
  for (const model::OutsideHost& host : cluster_.outside.hosts) {
    add_vantage(host.name, plan::outside_id(host.name), host.addresses);
  }
  add_vantage("router", plan::kRouter, {model::router_node_address(cluster_.network.node_cidrs.front())});
}

ServiceLab::~ServiceLab() = default;

void ServiceLab::add_vantage(const std::string& name, const std::string& id,
                             std::vector<IpAddress> addresses) {
  const int fd = fabric_.namespace_fd(id);
  vantages_[name] = {id, fd, addresses};
  server_.start(server_.add_pod({id, name, "default", name, std::move(addresses), fd}), echo_role());
}

const engine::Vantage& ServiceLab::at(const std::string& name) const { return vantages_.at(name); }
IpAddress ServiceLab::address_of(const std::string& name) const { return at(name).addresses.front(); }

IpAddress ServiceLab::service_ip(std::uint64_t n) const {
  return cluster_.network.service_cidrs.front().address().plus(n);
}
IpAddress ServiceLab::balancer_ip(std::uint64_t n) const {
  return cluster_.network.load_balancer_cidrs.front().address().plus(n);
}

model::Service ServiceLab::web() const {
  model::Service service;
  service.key = {"default", "web"};
  service.cluster_ips = {service_ip(100)};
  service.ports = {{"http", model::Protocol::Tcp, 80, 0}, {"udp", model::Protocol::Udp, 80, 0}};
  return service;
}

model::Service ServiceLab::node_port_web() const {
  model::Service service = web();
  for (model::ServicePort& port : service.ports) {
    port.node_port = 30080;
  }
  return service;
}

model::EndpointSlice ServiceLab::slice(const model::Service& service,
                                       const std::vector<std::string>& names) const {
  model::EndpointSlice slice;
  slice.service = service.key;
  for (const model::ServicePort& port : service.ports) {
    slice.ports.push_back({port.name, port.protocol, kTarget});
  }
  for (const std::string& name : names) {
    const auto node = node_of_.find(name);
    slice.endpoints.push_back(
        {address_of(name), node == node_of_.end() ? "" : node->second, true, true, false, {}, {}});
  }
  return slice;
}

void ServiceLab::put_slice(const model::Service& service, const model::EndpointSlice& endpoints) {
  const model::EndpointSlice* slices[] = {&endpoints};
  for (auto& [name, node] : nodes_) {
    node.table->set("svc " + to_string(service.key), service::node_program(service, slices, node.program));
    node.table->commit();
  }
}

void ServiceLab::take_away(const model::Service& service) {
  for (auto& [name, node] : nodes_) {
    node.table->set("svc " + to_string(service.key), {});
    node.table->commit();
  }
}

apply::ServiceTable& ServiceLab::table(const std::string& node) { return *nodes_.at(node).table; }
service::ProgramNode& ServiceLab::program_node(const std::string& node) { return nodes_.at(node).program; }

void ServiceLab::route_to(const std::string& node, const IpAddress& address) {
  plan::Step step;
  step.ns = plan::kRouter;
  step.changes.push_back(plan::ReplaceRoute{Prefix(address, address.family() == Family::IPv4 ? 32 : 128),
                                            {{address_of(node), plan::kRouterUplink}},
                                            {}});
  fabric_.apply(std::span(&step, 1));
}

engine::Probe ServiceLab::tcp(const std::string& from, const IpAddress& to, std::uint16_t port) const {
  engine::Probe probe;
  probe.from = &at(from);
  probe.address = to;
  probe.port = port;
  probe.timeout = kPatience;
  probe.identify = engine::Identify::Ask;
  return probe;
}

engine::Probe ServiceLab::udp(const std::string& from, const IpAddress& to, std::uint16_t port) const {
  engine::Probe probe = tcp(from, to, port);
  probe.protocol = protocol::ProbeProtocol::Udp;
  return probe;
}

engine::Probe ServiceLab::ping(const std::string& from, const IpAddress& to) const {
  engine::Probe probe = tcp(from, to, 0);
  probe.protocol = protocol::ProbeProtocol::Icmp;
  return probe;
}

Seen ServiceLab::ask(std::vector<engine::Probe> probes) const {
  Seen seen;
  for (engine::Probe& probe : probes) {
    // Else all datagrams of a vantage leave one socket and are one flow: to one endpoint.
    if (probe.protocol == protocol::ProbeProtocol::Udp && probe.source_port == 0) {
      probe.source_port = next_source_port_++;
    }
  }
  seen.outcomes = engine_.run(probes, [&](const engine::Result& result) {
    seen.outcome = result.outcome;
    seen.backend = result.backend;
    seen.source = result.source ? to_string(*result.source) : "";
    for (const auto& entry : result.responses.entries()) {
      seen.answers[entry.backend] += static_cast<int>(entry.count);
    }
    const bool is_udp = result.probe->protocol == protocol::ProbeProtocol::Udp;
    const std::string flow = result.probe->from->id + " to " +
                             to_string(result.probe->address, result.probe->port) +
                             (is_udp ? "/udp: " : "/tcp: ");
    if (!result.reason.empty()) {
      seen.reason = flow + result.reason;
    }
    if (result.outcome != Outcome::Ok) {
      ++seen.failures[flow + std::string(to_string(result.outcome)) + ": " + result.reason];
    }
  });
  return seen;
}

void ServiceLab::expect_answer(const std::string& from, const IpAddress& to, std::uint16_t port,
                               const std::vector<std::string>& backends, const std::string& seen_as) const {
  for (const engine::Probe& probe : {tcp(from, to, port), udp(from, to, port)}) {
    const bool is_udp = probe.protocol == protocol::ProbeProtocol::Udp;
    SCOPED_TRACE(from + " to " + to_string(to, port) + (is_udp ? "/udp" : "/tcp"));
    // None of n is missed more often than once in a million runs.
    const Seen seen = ask(probe, backends.size() == 1 ? 4 : static_cast<int>(20 * backends.size()));
    EXPECT_EQ(seen.outcomes[Outcome::Ok], seen.outcomes.total()) << seen.reason;
    std::vector<std::string> answered, wanted;
    for (const auto& [backend, count] : seen.answers) {
      answered.push_back(backend);
    }
    for (const std::string& name : backends) {
      wanted.push_back(at(name).id);
    }
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(answered, wanted) << seen.reason;
    if (!seen_as.empty()) {
      EXPECT_EQ(seen.source, to_string(address_of(seen_as)));
    }
  }
}

void ServiceLab::expect_refused(const std::string& from, const IpAddress& to, std::uint16_t port) const {
  for (const engine::Probe& probe : {tcp(from, to, port), udp(from, to, port)}) {
    const Seen seen = ask(probe);
    EXPECT_EQ(seen.outcome, Outcome::Refused) << from << " to " << to_string(to, port) << ": " << seen.reason;
  }
}

void ServiceLab::expect_dropped(const std::string& from, const IpAddress& to, std::uint16_t port) const {
  for (engine::Probe probe : {tcp(from, to, port), udp(from, to, port)}) {
    probe.timeout = kSilence;
    const Seen seen = ask(probe);
    const bool is_elsewhere = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
      return node.first != from && address_of(node.first) == to;
    });
    const bool is_told =
        nodes_.contains(from) && !is_elsewhere && probe.protocol == protocol::ProbeProtocol::Udp;
    EXPECT_EQ(seen.outcome, is_told ? Outcome::Prohibited : Outcome::Timeout)
        << from << " to " << to_string(to, port) << ": " << seen.reason;
  }
}

std::vector<Layout> all_layouts() {
  using model::Dataplane;
  return {{"maps_ipv4", Dataplane::Maps, Family::IPv4},
          {"maps_ipv6", Dataplane::Maps, Family::IPv6},
          {"maps_vxlan", Dataplane::Maps, Family::IPv4, model::NetworkMode::Vxlan},
          {"kube_proxy_ipv4", Dataplane::KubeProxyNftables, Family::IPv4},
          {"kube_proxy_ipv6", Dataplane::KubeProxyNftables, Family::IPv6}};
}

std::string layout_name(const testing::TestParamInfo<Layout>& info) { return info.param.name; }

}  // namespace labctl
