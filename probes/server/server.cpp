#include "probes/server/server.hpp"

#include "probes/server/core.hpp"

#include <utility>

namespace labctl::server {
namespace {

Peer peer_of(const sockaddr_storage& address) noexcept {
  return {IpAddress::from_sockaddr(address).value_or(IpAddress()), port_of(address)};
}

}  // namespace

Server::Server(Hooks hooks) : core_(std::make_unique<Core>(std::move(hooks))) {}
Server::~Server() = default;

PodId Server::add_pod(Identity identity) { return core_->add_pod(std::move(identity)); }
void Server::remove_pod(PodId pod) { core_->remove_pod(pod); }
ContainerId Server::start(PodId pod, const Role& role) { return core_->start(pod, role); }
void Server::stop(ContainerId container, std::chrono::milliseconds grace) { core_->stop(container, grace); }

std::optional<ListenerId> Server::find_listener(const IpAddress& address, model::Protocol protocol,
                                                std::uint16_t port) const noexcept {
  return core_->listeners().find(address, protocol, port);
}
std::optional<ListenerView> Server::describe(ListenerId listener) const noexcept {
  return core_->listeners().describe(listener);
}
std::string_view Server::name_of(PodId pod) const noexcept { return core_->name_of(pod); }

std::optional<Answer> Server::claim(ListenerId listener, const sockaddr_storage& client) noexcept {
  return core_->listeners().claim(listener, peer_of(client));
}
std::optional<Answer> Server::claim_any(const sockaddr_storage& client) noexcept {
  return core_->listeners().claim_any(peer_of(client));
}
void Server::release() noexcept { core_->release(); }
int Server::serve_udp(ListenerId listener) noexcept { return core_->listeners().serve_udp(listener); }

Server::QuietAccepts::QuietAccepts(Server& server) noexcept : server_(server) {
  server_.core_->enter_quiet();
}
Server::QuietAccepts::~QuietAccepts() { server_.core_->leave_quiet(); }
void Server::QuietAccepts::drain() noexcept { server_.core_->drain_quietly(); }

}  // namespace labctl::server
