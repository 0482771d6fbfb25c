#include "tests/netns/engine/fake_server.hpp"

#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace labctl::engine {
namespace {

// True until the test is over, when there is something to read.
bool wait_readable(int fd, int stop) {
  std::array<pollfd, 2> both{{{fd, POLLIN, 0}, {stop, POLLIN, 0}}};
  ::poll(both.data(), both.size(), -1);
  return both[1].revents == 0;
}

}  // namespace

FakeServer FakeServer::open(int netns_fd, int type, std::uint16_t port) {
  FakeServer server;
  const kernel::NamespaceScope scope(netns_fd);
  server.socket_.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  server.stop_.reset(::eventfd(0, EFD_CLOEXEC));
  sockaddr_storage where{};
  const socklen_t size = IpAddress::any(Family::IPv4).to_sockaddr(port, where);
  if (::bind(server.socket_.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 ||
      (type == SOCK_STREAM && ::listen(server.socket_.get(), 4096) != 0)) {
    throw Error::from_errno(errno, "listen");
  }
  socklen_t length = sizeof where;
  ::getsockname(server.socket_.get(), reinterpret_cast<sockaddr*>(&where), &length);
  server.port_ = port_of(where);
  return server;
}

FakeServer FakeServer::tcp(int netns_fd, OnConnection serve, std::uint16_t port) {
  FakeServer server = open(netns_fd, SOCK_STREAM, port);
  server.thread_ =
      std::thread([fd = server.socket_.get(), stop = server.stop_.get(), serve = std::move(serve)] {
        while (wait_readable(fd, stop)) {
          const UniqueFd connection(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
          if (connection) {
            serve(connection.get());
          }
        }
      });
  return server;
}

FakeServer FakeServer::udp(int netns_fd, OnDatagram serve, std::uint16_t port) {
  return udp_on(
      netns_fd,
      [serve = std::move(serve)](const std::string& datagram, std::uint16_t) { return serve(datagram); },
      port);
}

FakeServer FakeServer::udp_from(int netns_fd, OnDatagramFrom serve) {
  return udp_on(netns_fd, std::move(serve), 0);
}

FakeServer FakeServer::udp_on(int netns_fd, OnDatagramFrom serve, std::uint16_t port) {
  FakeServer server = open(netns_fd, SOCK_DGRAM, port);
  server.thread_ =
      std::thread([fd = server.socket_.get(), stop = server.stop_.get(), serve = std::move(serve)] {
        std::array<char, 65536> buffer;
        while (wait_readable(fd, stop)) {
          sockaddr_storage from{};
          socklen_t length = sizeof from;
          const ssize_t size =
              ::recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
          if (size < 0) {
            continue;
          }
          const std::string reply =
              serve(std::string(buffer.data(), static_cast<std::size_t>(size)), port_of(from));
          if (!reply.empty()) {
            ::sendto(fd, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
          }
        }
      });
  return server;
}

FakeServer::~FakeServer() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
  }
}

std::string read_until(int fd, const std::string& end) {
  std::string text;
  char byte = 0;
  while (!text.ends_with(end) && ::recv(fd, &byte, 1, 0) == 1) {
    text += byte;
  }
  return text;
}

void write_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t sent = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) {
      return;
    }
    at += static_cast<std::size_t>(sent);
  }
}

void reset_on_close(int fd) {
  const linger reset{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace labctl::engine
