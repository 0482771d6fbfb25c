#include "labctl/api/tcp_socket.hpp"

#include "topology/base/error.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace labctl::api {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList resolve(const std::string& server) {
  const size_t colon = server.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    throw Error(ErrorKind::InvalidInput, "\"" + server + "\": must be HOST:PORT");
  }
  std::string host = server.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), server.substr(colon + 1).c_str(), &hints, &found);
  if (code != 0) {
    throw Error(ErrorKind::NotFound, server + ": " + ::gai_strerror(code));
  }
  return {found, &::freeaddrinfo};
}

// 0, or the errno.
int connect_within(int fd, const addrinfo& address, std::chrono::milliseconds timeout) {
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS) {
    return errno;
  }
  pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
  if (::poll(&entry, 1, static_cast<int>(timeout.count())) <= 0) {
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

UniqueFd connect_tcp(const std::string& server, std::chrono::milliseconds timeout) {
  const AddressList addresses = resolve(server);
  int error = ENOENT;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    UniqueFd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    error = fd ? connect_within(fd.get(), *address, timeout) : errno;
    if (error == 0) {
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return fd;
    }
  }
  throw Error::from_errno(error, server + ": connect");
}

}  // namespace labctl::api
