#include "topology/apply/kernel_network.hpp"

#include "topology/base/error.hpp"
#include "topology/kernel/link_watch.hpp"
#include "topology/kernel/netlink_batch.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_context.hpp"
#include "topology/kernel/sysctl.hpp"

#include <optional>

namespace labctl::apply {
namespace {

// The kernel's link watch runs at most a second late; a starved host may take longer.
constexpr std::chrono::seconds kForwardingDeadline{30};

struct AddTo {
  kernel::NetlinkBatch& batch;
  const NamespaceLookup& lookup;

  void operator()(const plan::AddBridge& c) const { batch.add_bridge(c.name, c.ifindex, c.mac, c.mtu); }
  void operator()(const plan::AddVeth& c) const {
    batch.add_veth({.name = c.near_name,
                    .ifindex = c.near_ifindex,
                    .namespace_fd = lookup(c.near_namespace),
                    .master = c.master,
                    .peer_name = c.peer_name,
                    .peer_ifindex = c.peer_ifindex,
                    .peer_namespace_fd = -1,
                    .mac = std::nullopt,
                    .peer_mac = c.peer_mac,
                    .mtu = c.mtu});
  }
  void operator()(const plan::AddVxlan& c) const {
    kernel::VxlanOptions options;
    options.name = c.name;
    options.ifindex = c.ifindex;
    options.mac = c.mac;
    options.underlay_ifindex = c.underlay_ifindex;
    options.local = c.local;
    options.mtu = c.mtu;
    batch.add_vxlan(options);
  }
  void operator()(const plan::SetLink& c) const { batch.set_link(c.ifindex, c.up); }
  void operator()(const plan::SetMaster& c) const { batch.set_master(c.ifindex, c.master); }
  void operator()(const plan::AddAddress& c) const {
    batch.add_address(c.ifindex, c.address, c.prefix_length);
  }
  void operator()(const plan::AddRoute& c) const {
    batch.add_route({c.destination, c.gateway, c.oif, c.onlink});
  }
  void operator()(const plan::ReplaceRoute& c) const {
    std::vector<kernel::NextHop> hops;
    for (const plan::NextHop& hop : c.hops) {
      hops.push_back({hop.gateway, hop.oif});
    }
    batch.replace_route(c.destination, hops);
  }
  void operator()(const plan::DeleteRoute& c) const { batch.delete_route(c.destination); }
  void operator()(const plan::AddNeighbour& c) const { batch.add_neighbour(c.ifindex, c.address, c.mac); }
  void operator()(const plan::DeleteNeighbour& c) const { batch.delete_neighbour(c.ifindex, c.address); }
  void operator()(const plan::AddFdb& c) const { batch.add_fdb(c.ifindex, c.mac, c.remote); }
  void operator()(const plan::DeleteLink& c) const { batch.delete_link(c.ifindex); }
};

}  // namespace

struct KernelNetwork::State {
  std::optional<kernel::NamespaceScope> scope;
  std::optional<kernel::NetlinkSocket> socket;  // of the namespace entered last
  kernel::SysctlWriter sysctls;
  kernel::NetlinkBatch batch;

  kernel::NetlinkSocket& netlink() {
    if (!socket) {
      socket = kernel::NetlinkSocket::open();
    }
    return *socket;
  }
};

KernelNetwork::KernelNetwork() : state_(std::make_unique<State>()) {}
KernelNetwork::~KernelNetwork() = default;

void KernelNetwork::begin() { state_->scope.emplace(); }

void KernelNetwork::leave() noexcept {
  state_->socket.reset();
  state_->scope.reset();
  state_->batch.clear();
}

UniqueFd KernelNetwork::make_namespace() {
  state_->socket.reset();
  state_->scope->enter_new();
  state_->sysctls.namespace_changed();
  return state_->netlink().namespace_fd();
}

void KernelNetwork::enter(int namespace_fd) {
  state_->socket.reset();
  state_->scope->enter(namespace_fd);
  state_->sysctls.namespace_changed();
}

void KernelNetwork::write_sysctl(const plan::Sysctl& sysctl) {
  try {
    state_->sysctls.write(sysctl.name, sysctl.value);
  } catch (const Error& error) {
    if (!sysctl.is_optional || error.kind() != ErrorKind::NotFound) {
      throw;
    }
  }
}

void KernelNetwork::change_links(const std::vector<plan::LinkChange>& changes,
                                 const NamespaceLookup& lookup) {
  for (const plan::LinkChange& change : changes) {
    std::visit(AddTo{state_->batch, lookup}, change);
  }
  state_->netlink().send(state_->batch);
}

void KernelNetwork::wait_until_forwarding(std::span<const int> ports) {
  kernel::wait_until_forwarding(ports, kForwardingDeadline);
}

void KernelNetwork::load_ruleset(const std::string& text) { kernel::NftContext::open().run(text); }

}  // namespace labctl::apply
