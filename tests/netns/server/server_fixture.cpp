#include "tests/netns/server/server_fixture.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace labctl::server {
namespace {

UniqueFd client(int netns, model::Protocol protocol) {
  const kernel::NamespaceScope visit(netns);
  UniqueFd fd = open_client(protocol, AF_INET);
  ::fcntl(fd.get(), F_SETFL, 0);  // blocking, with a limit
  const timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

kernel::NetworkNamespace make_namespace() {
  kernel::NamespaceScope scope;
  scope.enter_new();
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  ::ioctl(socket.get(), SIOCGIFFLAGS, &request);
  request.ifr_flags |= IFF_UP;
  ::ioctl(socket.get(), SIOCSIFFLAGS, &request);
  return kernel::NetworkNamespace::current();
}

UniqueFd tcp_connect(int netns, std::uint16_t port) {
  UniqueFd fd = client(netns, model::Protocol::Tcp);
  const sockaddr_in address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  return fd;
}

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got == 0) {
      return all;
    }
    if (got < 0) {
      return errno == ECONNRESET ? "RST" : all + "[" + std::strerror(errno) + "]";
    }
    all.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

HttpAnswer http(int netns, std::uint16_t port, const std::string& bytes) {
  const UniqueFd fd = tcp_connect(netns, port);
  if (!fd) {
    return {};
  }
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::send(fd.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) {
      break;
    }
    sent += static_cast<std::size_t>(count);
  }
  const std::string all = read_to_end(fd.get());
  HttpAnswer answer;
  const auto end = all.find("\r\n\r\n");
  if (!all.starts_with("HTTP/1.1 ") || end == std::string::npos) {
    return answer;
  }
  std::from_chars(all.data() + 9, all.data() + 12, answer.status);
  answer.head = all.substr(0, end);
  answer.body = all.substr(end + 4);
  return answer;
}

HttpAnswer http_get(int netns, std::uint16_t port, const std::string& target) {
  return http(netns, port,
              "GET " + target + " HTTP/1.1\r\nHost: test\r\nX-Sign: 42\r\nConnection: close\r\n\r\n");
}

std::string udp_ask(int netns, std::uint16_t port, const std::string& text, std::chrono::milliseconds limit) {
  const UniqueFd fd = client(netns, model::Protocol::Udp);
  const sockaddr_in address = loopback(port);
  ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::send(fd.get(), text.data(), text.size(), 0);
  pollfd ready{fd.get(), POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(limit.count())) != 1) {
    return "";
  }
  std::array<char, 2048> buffer;
  const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : "";
}

Hooks Reports::hooks() {
  Hooks hooks;
  hooks.output = [this](ContainerId container, std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_[container].emplace_back(line);
    changed_.notify_all();
  };
  hooks.exited = [this](ContainerId container, int code) {
    const std::lock_guard lock(mutex_);
    exits_[container] = code;
    changed_.notify_all();
  };
  return hooks;
}

int Reports::wait_exit(ContainerId container) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(60), [&] { return exits_.contains(container); });
  return exits_.contains(container) ? exits_[container] : -1;
}

bool Reports::wait_line(ContainerId container, std::string_view part) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(60), [&] {
    for (const std::string& line : lines_[container]) {
      if (line.find(part) != std::string::npos) {
        return true;
      }
    }
    return false;
  });
}

bool Reports::has_exited(ContainerId container) {
  const std::lock_guard lock(mutex_);
  return exits_.contains(container);
}

std::vector<std::string> Reports::lines(ContainerId container) {
  const std::lock_guard lock(mutex_);
  return lines_[container];
}

void BuiltInServer::SetUp() { make_server(); }

void BuiltInServer::make_server() {
  Hooks hooks = reports_.hooks();
  hooks.run_shell = extra_.run_shell;
  hooks.resolve = extra_.resolve;
  hooks.upload = extra_.upload;
  server_.reset();
  server_ = std::make_unique<Server>(std::move(hooks));
}

PodId BuiltInServer::add_pod(const std::string& name, bool ipv6) {
  kernel::NetworkNamespace space = make_namespace();
  Identity identity;
  identity.id = "pod/default/" + name;
  identity.hostname = name;
  identity.ns = "default";
  identity.name = name;
  identity.addresses = {IpAddress::loopback(Family::IPv4)};
  if (ipv6) {
    identity.addresses.push_back(IpAddress::loopback(Family::IPv6));
  }
  identity.netns_fd = space.fd();
  const PodId pod = server_->add_pod(std::move(identity));
  namespaces_[pod] = std::move(space);
  return pod;
}

ContainerId BuiltInServer::start(PodId pod, std::vector<std::string> words,
                                 std::map<std::string, std::string> env) {
  RoleRequest request;
  request.image = "registry.k8s.io/e2e-test-images/agnhost:2.47";
  request.args = std::move(words);
  request.env = [env = std::move(env)] { return env; };
  return server_->start(pod, role_of(request));
}

}  // namespace labctl::server
