// hostPort: network model §11.

#include "tests/netns/services/service_lab.hpp"

namespace labctl {
namespace {

using model::Protocol;
using probes::Outcome;

class HostPorts : public ServiceLab {
 protected:
  void expose(const std::string& name, Protocol protocol, std::optional<IpAddress> host_ip,
              const std::string& node = "node-1", std::uint16_t port = 54323) {
    model::Pod pod;
    pod.key = {"default", name};
    pod.ips = {address_of(name)};
    pod.containers.resize(1);
    pod.containers[0].ports.push_back({"p", kTarget, port, protocol, host_ip});
    const std::string owner = "hostPort default/" + name + (protocol == Protocol::Udp ? "-udp" : "");
    table(node).set(owner, service::host_port_program(pod, program_node(node).addresses));
    table(node).commit();
  }
  void hide(const std::string& name) {
    table("node-1").set("hostPort default/" + name, {});
    table("node-1").commit();
  }
  // Of one protocol.
  void expect_backend(const engine::Probe& probe, const std::string& backend,
                      const std::string& seen_as = {}) {
    const Seen seen = ask(probe, 3);
    EXPECT_EQ(seen.outcomes[Outcome::Ok], 3U) << probe.from->id << ": " << seen.reason;
    EXPECT_EQ(seen.backend, pod_id(backend)) << probe.from->id;
    if (!seen_as.empty()) {
      EXPECT_EQ(seen.source, to_string(address_of(seen_as)));
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Services, HostPorts, testing::ValuesIn(all_layouts()), layout_name);

TEST_P(HostPorts, EveryoneReachesThePodAndRemoteClientsKeepTheirAddress) {
  expose("a1", Protocol::Tcp, {});
  for (const char* from : {"client", "a2", "c1", "node-2"}) {
    expect_backend(tcp(from, address_of("node-1"), 54323), "a1", from);
  }
  expect_backend(tcp("node-1", address_of("node-1"), 54323), "a1");
  EXPECT_EQ(ask(udp("client", address_of("node-1"), 54323)).outcome, Outcome::Refused);
  EXPECT_EQ(ask(tcp("client", address_of("node-2"), 54323)).outcome, Outcome::Refused);
  hide("a1");
  EXPECT_EQ(ask(tcp("client", address_of("node-1"), 54323)).outcome, Outcome::Refused);
}

TEST_P(HostPorts, ThePodReachesItself) {
  expose("a1", Protocol::Tcp, {});
  expect_backend(tcp("a1", address_of("node-1"), 54323), "a1");
}

TEST_P(HostPorts, APortNumberIsSharedEachOnItsOwnAddressOrProtocol) {
  if (family() == Family::IPv6) {
    return;  // there is no such hostPort: Linux routes no packet from ::1 to elsewhere, whatever is set
  }
  expose("a1", Protocol::Tcp, IpAddress::loopback(family()));
  expose("a2", Protocol::Tcp, address_of("node-1"));
  expose("a1", Protocol::Udp, address_of("node-1"));
  expect_backend(tcp("node-1", IpAddress::loopback(family()), 54323), "a1");
  expect_backend(tcp("node-1", address_of("node-1"), 54323), "a2");
  expect_backend(udp("node-1", address_of("node-1"), 54323), "a1");
  expect_backend(tcp("client", address_of("node-1"), 54323), "a2", "client");
  expect_backend(udp("client", address_of("node-1"), 54323), "a1", "client");
  EXPECT_EQ(ask(udp("node-1", IpAddress::loopback(family()), 54323)).outcome, Outcome::Refused);
}

TEST_P(HostPorts, WithoutAHostIpLoopbackAnswersToo) {
  for (const auto& host_ip : {std::optional<IpAddress>(), std::optional(IpAddress::any(family()))}) {
    expose("a1", Protocol::Tcp, host_ip);
    expect_backend(tcp("client", address_of("node-1"), 54323), "a1", "client");
    if (family() == Family::IPv4) {
      expect_backend(tcp("node-1", IpAddress::loopback(family()), 54323), "a1");
    }
    hide("a1");
  }
}

TEST_P(HostPorts, AHostPortGoesBeforeANodePort) {
  put(node_port_web(), {"b1"});
  expose("a1", Protocol::Tcp, {}, "node-1", 30080);
  expect_backend(tcp("client", address_of("node-1"), 30080), "a1", "client");
  expect_backend(tcp("client", address_of("node-2"), 30080), "b1");
  put(node_port_web(), {"b2"});
  expect_backend(tcp("client", address_of("node-1"), 30080), "a1", "client");
  hide("a1");
  expect_backend(tcp("client", address_of("node-1"), 30080), "b2");
}

}  // namespace
}  // namespace labctl
