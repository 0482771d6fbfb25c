// The fabric on the real kernel: who reaches whom, and that a failure at any call leaves nothing.

#include "topology/apply/fabric.hpp"
#include "topology/apply/kernel_network.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/plan/address_plan.hpp"
#include "topology/plan/fabric.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>

namespace labctl {
namespace {

// What a UDP datagram from one namespace to an address in another met: the source address the receiver saw.
std::optional<std::string> send_datagram(const apply::Fabric& fabric, const std::string& from,
                                         const std::string& to, const IpAddress& address) {
  UniqueFd receiver, sender;
  sockaddr_storage where{};
  const socklen_t size = address.to_sockaddr(5300, where);
  {
    const kernel::NamespaceScope scope(fabric.namespace_fd(to));
    receiver.reset(::socket(address.af(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (::bind(receiver.get(), reinterpret_cast<sockaddr*>(&where), size) != 0) {
      return std::nullopt;
    }
  }
  {
    const kernel::NamespaceScope scope(fabric.namespace_fd(from));
    sender.reset(::socket(address.af(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }
  ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&where), size);
  pollfd wait{receiver.get(), POLLIN, 0};
  // Everything is on this host: what arrives, arrives inside sendto().
  if (::poll(&wait, 1, 100) != 1) {
    return std::nullopt;
  }
  char byte = 0;
  sockaddr_storage source{};
  socklen_t length = sizeof source;
  ::recvfrom(receiver.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&source), &length);
  const auto seen = IpAddress::from_sockaddr(source);
  return seen ? to_string(*seen) : "";
}

UniqueFd datagram_socket(const apply::Fabric& fabric, const std::string& ns, const IpAddress& address) {
  const kernel::NamespaceScope scope(fabric.namespace_fd(ns));
  return UniqueFd(::socket(address.af(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

bool is_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, 100) == 1;
}

// Whether a server of `to` at `address` hears a client of `from`, and the client its answer.
bool has_answer(const apply::Fabric& fabric, const std::string& from, const std::string& to,
                const IpAddress& address) {
  sockaddr_storage where{};
  const socklen_t size = address.to_sockaddr(53, where);
  const UniqueFd server = datagram_socket(fabric, to, address);
  const UniqueFd client = datagram_socket(fabric, from, address);
  // Connected: an answer from any other address is none.
  if (::bind(server.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 ||
      ::connect(client.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 ||
      ::send(client.get(), "?", 1, 0) != 1 || !is_readable(server.get())) {
    return false;
  }
  char byte = 0;
  sockaddr_storage source{};
  socklen_t length = sizeof source;
  ::recvfrom(server.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&source), &length);
  ::sendto(server.get(), "!", 1, 0, reinterpret_cast<sockaddr*>(&source), length);
  return is_readable(client.get()) && ::recv(client.get(), &byte, 1, 0) == 1 && byte == '!';
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::set<std::string> links_here() {
  std::set<std::string> names;
  struct if_nameindex* all = ::if_nameindex();
  for (struct if_nameindex* one = all; one != nullptr && one->if_index != 0; ++one) {
    names.insert(one->if_name);
  }
  ::if_freenameindex(all);
  return names;
}

// The kernel frees a dropped namespace, and the links it shares with this one, in its own time.
std::set<std::string> links_when_freed() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::set<std::string> links = links_here();
  while (links.size() > 1 && std::chrono::steady_clock::now() < deadline) {
    ::poll(nullptr, 0, 5);
    links = links_here();
  }
  return links;
}

model::Cluster cluster_of(int nodes, model::NetworkMode mode, std::vector<Family> families = {Family::IPv4}) {
  model::Cluster cluster = model::default_cluster("test");
  cluster.nodes.clear();
  for (int i = 1; i <= nodes; ++i) {
    cluster.nodes.push_back({"node-" + std::to_string(i), {}, {}, {}});
  }
  cluster.network.mode = mode;
  cluster.families = std::move(families);
  cluster.network.node_cidrs.clear();
  cluster.network.pod_cidrs.clear();
  for (model::OutsideHost& host : cluster.outside.hosts) {
    host.addresses.clear();
  }
  for (const Family family : cluster.families) {
    const model::DefaultRanges& ranges = model::default_ranges(family);
    cluster.network.node_cidrs.push_back(ranges.node);
    cluster.network.pod_cidrs.push_back(ranges.pod);
    std::uint64_t offset = 10;
    for (model::OutsideHost& host : cluster.outside.hosts) {
      host.addresses.push_back(ranges.outside.address().plus(offset++));
    }
  }
  return plan::give_out_addresses(cluster);
}

std::vector<plan::PodSlot> two_pods_a_node(const model::Cluster& cluster) {
  std::vector<plan::PodSlot> pods;
  for (size_t node = 0; node < cluster.nodes.size(); ++node) {
    for (std::uint64_t i = 0; i < 2; ++i) {
      plan::PodSlot pod;
      pod.id = "pod/default/p" + std::to_string(node) + "-" + std::to_string(i);
      pod.node = node;
      for (const Prefix& cidr : cluster.nodes[node].pod_cidrs) {
        pod.addresses.push_back(cidr.address().plus(2 + i));
      }
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

// A lab's network in a namespace of the test's own.
struct Lab {
  model::Cluster cluster;
  std::vector<plan::PodSlot> pods;
  apply::KernelNetwork network;
  apply::Fabric fabric{network, own_namespace()};

  explicit Lab(model::Cluster made) : cluster(std::move(made)), pods(two_pods_a_node(cluster)) {
    fabric.apply(plan::plan_fabric(cluster));
    fabric.apply(plan::plan_pods(cluster, pods));
  }
};

struct Shape {
  const char* name;
  model::NetworkMode mode;
  std::vector<Family> families;
};

class EveryShape : public testing::TestWithParam<Shape> {};

TEST_P(EveryShape, PodsReachEachOtherOnAndAcrossNodesUnderTheirOwnAddress) {
  Lab lab(cluster_of(3, GetParam().mode, GetParam().families));
  for (const plan::PodSlot& from : lab.pods) {
    for (const plan::PodSlot& to : lab.pods) {
      for (size_t f = 0; f < to.addresses.size(); ++f) {
        EXPECT_EQ(send_datagram(lab.fabric, from.id, to.id, to.addresses[f]), to_string(from.addresses[f]))
            << from.id << " to " << to.id;
      }
    }
  }
}

TEST_P(EveryShape, NodesReachEveryPodUnderANodeAddress) {
  Lab lab(cluster_of(2, GetParam().mode, GetParam().families));
  for (const model::Node& node : lab.cluster.nodes) {
    for (const plan::PodSlot& to : lab.pods) {
      for (const IpAddress& address : to.addresses) {
        EXPECT_TRUE(send_datagram(lab.fabric, "node/" + node.name, to.id, address))
            << node.name << " to " << to.id;
      }
    }
  }
}

TEST_P(EveryShape, PodsReachNodesUnderTheirOwnAddress) {
  Lab lab(cluster_of(2, GetParam().mode, GetParam().families));
  for (const plan::PodSlot& from : lab.pods) {
    for (const model::Node& node : lab.cluster.nodes) {
      EXPECT_EQ(send_datagram(lab.fabric, from.id, "node/" + node.name, node.addresses[0]),
                to_string(from.addresses[0]));
    }
  }
}

TEST_P(EveryShape, PodsLeaveTheClusterUnderTheirNodesAddress) {
  Lab lab(cluster_of(2, GetParam().mode, GetParam().families));
  for (const plan::PodSlot& from : lab.pods) {
    for (const model::OutsideHost& host : lab.cluster.outside.hosts) {
      for (size_t f = 0; f < host.addresses.size(); ++f) {
        EXPECT_EQ(send_datagram(lab.fabric, from.id, "outside/" + host.name, host.addresses[f]),
                  to_string(lab.cluster.nodes[from.node].addresses[f]));
      }
    }
  }
}

TEST_P(EveryShape, TheOutsideReachesNodesButNoPod) {
  Lab lab(cluster_of(2, GetParam().mode, GetParam().families));
  const std::string client = "outside/client";
  EXPECT_TRUE(send_datagram(lab.fabric, client, "node/node-1", lab.cluster.nodes[0].addresses[0]));
  for (const plan::PodSlot& to : lab.pods) {
    EXPECT_FALSE(send_datagram(lab.fabric, client, to.id, to.addresses[0])) << to.id;
  }
}

TEST_P(EveryShape, EveryoneReachesTheOutsideDnsServersAddress) {
  Lab lab(cluster_of(2, GetParam().mode, GetParam().families));
  const std::vector<IpAddress> addresses = model::outside_dns_addresses(lab.cluster);
  ASSERT_EQ(addresses.size(), GetParam().families.size());
  for (const IpAddress& address : addresses) {
    for (const std::string from : {"outside/client", "outside/www", "node/node-1", "node/node-2",
                                   "pod/default/p0-0", "pod/default/p1-1"}) {
      EXPECT_TRUE(has_answer(lab.fabric, from, "router", address)) << from << " to " << to_string(address);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fabric, EveryShape,
    testing::Values(Shape{"routed", model::NetworkMode::Routed, {Family::IPv4}},
                    Shape{"vxlan", model::NetworkMode::Vxlan, {Family::IPv4}},
                    Shape{"routed_dual", model::NetworkMode::Routed, {Family::IPv4, Family::IPv6}},
                    Shape{"vxlan_dual", model::NetworkMode::Vxlan, {Family::IPv6, Family::IPv4}},
                    Shape{"routed_ipv6", model::NetworkMode::Routed, {Family::IPv6}},
                    Shape{"vxlan_ipv6", model::NetworkMode::Vxlan, {Family::IPv6}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Fabric, NoNeighbourIsEverLearned) {
  Lab lab(cluster_of(2, model::NetworkMode::Routed));
  for (const plan::PodSlot& from : lab.pods) {
    for (const plan::PodSlot& to : lab.pods) {
      send_datagram(lab.fabric, from.id, to.id, to.addresses[0]);
    }
  }
  for (const std::string id : {"pod/default/p0-0", "node/node-1", "router", "outside/client"}) {
    const kernel::NamespaceScope scope(lab.fabric.namespace_fd(id));
    std::istringstream table(read_file("/proc/thread-self/net/arp"));
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
      // Flags 0x6: complete and permanent (ATF_COM | ATF_PERM).
      EXPECT_NE(line.find(" 0x6 "), std::string::npos) << id << ": " << line;
    }
  }
}

TEST(Fabric, AnOutsideHostMayHaveAnAddressOfAFamilyThatNoNodeSpeaks) {
  model::Cluster cluster = cluster_of(1, model::NetworkMode::Routed);
  cluster.outside.hosts[0].addresses.push_back(*IpAddress::parse("2001:db8:51::a"));
  cluster.outside.hosts[1].addresses.push_back(*IpAddress::parse("2001:db8:51::50"));
  Lab lab(cluster);
  EXPECT_TRUE(has_answer(lab.fabric, "outside/client", "outside/www", *IpAddress::parse("2001:db8:51::50")));
}

TEST(Fabric, MoreNodesThanABridgeHoldsAreJoinedByTrunks) {
  model::Cluster cluster = cluster_of(5, model::NetworkMode::Routed);
  apply::KernelNetwork network;
  apply::Fabric fabric(network, own_namespace());
  fabric.apply(plan::plan_fabric(cluster, 67));  // two nodes a bridge
  for (size_t i = 0; i < cluster.nodes.size(); ++i) {
    for (size_t j = 0; j < cluster.nodes.size(); ++j) {
      EXPECT_TRUE(send_datagram(fabric, "node/node-" + std::to_string(i + 1),
                                "node/node-" + std::to_string(j + 1), cluster.nodes[j].addresses[0]));
    }
  }
}

TEST(Fabric, ARemovedPodsAddressServesItsSuccessorAtOnce) {
  Lab lab(cluster_of(2, model::NetworkMode::Routed));
  plan::PodSlot gone = lab.pods[0];
  lab.fabric.apply(plan::plan_pod_removal(lab.cluster, std::span(&gone, 1)));
  lab.fabric.remove(std::span(&gone.id, 1));
  EXPECT_FALSE(lab.fabric.has(gone.id));
  plan::PodSlot next = gone;
  next.id = "pod/default/successor";
  next.number = 99;
  lab.fabric.apply(plan::plan_pods(lab.cluster, std::span(&next, 1)));
  EXPECT_EQ(send_datagram(lab.fabric, lab.pods[3].id, next.id, next.addresses[0]),
            to_string(lab.pods[3].addresses[0]));
}

TEST(Fabric, SysctlsOfThePodNamespaceDoNotReachTheHost) {
  const std::string before = read_file("/proc/sys/net/ipv4/ip_forward");
  Lab lab(cluster_of(1, model::NetworkMode::Routed));
  EXPECT_EQ(read_file("/proc/sys/net/ipv4/ip_forward"), before);
}

// Lets the first `calls` calls through and fails the next.
class FailingNetwork final : public apply::LabNetwork {
 public:
  explicit FailingNetwork(int calls) : left_(calls) {}
  void begin() override { real_.begin(); }
  void leave() noexcept override { real_.leave(); }
  UniqueFd make_namespace() override {
    count();
    return real_.make_namespace();
  }
  void enter(int fd) override { real_.enter(fd); }
  void write_sysctl(const plan::Sysctl& sysctl) override {
    count();
    real_.write_sysctl(sysctl);
  }
  void change_links(const std::vector<plan::LinkChange>& changes,
                    const apply::NamespaceLookup& lookup) override {
    if (!failed_) {
      count();
    }
    real_.change_links(changes, lookup);
  }
  void load_ruleset(const std::string& text) override {
    count();
    real_.load_ruleset(text);
  }
  void wait_until_forwarding(std::span<const int> ports) override {
    count();
    real_.wait_until_forwarding(ports);
  }
  bool failed() const { return failed_; }

 private:
  void count() {
    if (left_-- == 0) {
      failed_ = true;
      throw Error(ErrorKind::Kernel, "made to fail");
    }
  }
  apply::KernelNetwork real_;
  int left_;
  bool failed_ = false;
};

// Notes for which ports it is asked to wait.
class WatchedNetwork final : public apply::LabNetwork {
 public:
  void begin() override { real_.begin(); }
  void leave() noexcept override { real_.leave(); }
  UniqueFd make_namespace() override { return real_.make_namespace(); }
  void enter(int fd) override { real_.enter(fd); }
  void write_sysctl(const plan::Sysctl& sysctl) override { real_.write_sysctl(sysctl); }
  void change_links(const std::vector<plan::LinkChange>& changes,
                    const apply::NamespaceLookup& lookup) override {
    real_.change_links(changes, lookup);
  }
  void load_ruleset(const std::string& text) override { real_.load_ruleset(text); }
  void wait_until_forwarding(std::span<const int> ports) override {
    real_.wait_until_forwarding(ports);
    waited_for.insert(waited_for.end(), ports.begin(), ports.end());
  }
  std::vector<int> waited_for;

 private:
  apply::KernelNetwork real_;
};

// A pod in a node of hundreds costs what a pod costs.
TEST(Fabric, OnlyNewPortsAreWaitedFor) {
  const model::Cluster cluster = cluster_of(2, model::NetworkMode::Routed);
  WatchedNetwork network;
  apply::Fabric fabric(network, own_namespace());
  fabric.apply(plan::plan_fabric(cluster));
  const std::vector<plan::PodSlot> pods = two_pods_a_node(cluster);
  const std::span<const plan::PodSlot> all(pods);
  fabric.apply(plan::plan_pods(cluster, all.first(3)));
  network.waited_for.clear();
  fabric.apply(plan::plan_pods(cluster, all.last(1)));
  EXPECT_EQ(network.waited_for, std::vector<int>{plan::kFirstPodPort + static_cast<int>(pods.back().number)});
  EXPECT_EQ(send_datagram(fabric, pods[0].id, pods[3].id, pods[3].addresses[0]),
            to_string(pods[0].addresses[0]));
}

TEST(Fabric, AFailureAtAnyCallLeavesNothing) {
  const model::Cluster cluster = cluster_of(2, model::NetworkMode::Vxlan);
  std::vector<plan::Step> steps = plan::plan_fabric(cluster);
  const std::vector<plan::PodSlot> pods = two_pods_a_node(cluster);
  for (plan::Step& step : plan::plan_pods(cluster, pods)) {
    steps.push_back(std::move(step));
  }
  int failures = 0;
  for (int n = 0;; ++n) {
    FailingNetwork network(n);
    UniqueFd underlay = own_namespace();
    const UniqueFd watched(::fcntl(underlay.get(), F_DUPFD_CLOEXEC, 0));
    apply::Fabric fabric(network, std::move(underlay));
    try {
      fabric.apply(steps);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("made to fail"), std::string::npos);
    }
    if (!network.failed()) {
      break;
    }
    ++failures;
    EXPECT_EQ(fabric.size(), 1U) << "after call " << n;
    const kernel::NamespaceScope scope(watched.get());
    EXPECT_EQ(links_when_freed(), std::set<std::string>{"lo"}) << "after call " << n;
  }
  EXPECT_GT(failures, static_cast<int>(steps.size()));
}

TEST(Fabric, AFailedStepNamesItsNamespaceAndTheKernelsWords) {
  const model::Cluster cluster = cluster_of(1, model::NetworkMode::Routed);
  apply::KernelNetwork network;
  apply::Fabric fabric(network, own_namespace());
  fabric.apply(plan::plan_fabric(cluster));
  std::vector<plan::PodSlot> pods = two_pods_a_node(cluster);
  pods[1].number = pods[0].number;
  try {
    fabric.apply(plan::plan_pods(cluster, pods));
    FAIL() << "two links of one name";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::AlreadyExists);
    EXPECT_EQ(std::string(error.what()).find("pod/default/p0-1: pod1: add veth with peer eth0"), 0U)
        << error.what();
  }
  EXPECT_FALSE(fabric.has(pods[0].id));
  EXPECT_TRUE(fabric.has("node/node-1"));
}

}  // namespace
}  // namespace labctl
