#include "labctl/supervisor/dial_relay.hpp"

#include "labctl/api/fd_passing.hpp"
#include "labctl/api/tcp_socket.hpp"
#include "topology/base/error.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::supervisor {
namespace {

// A message each: the request, then "+" and the socket, or "-" and the reason.
constexpr std::string_view kRequest = "dial";
constexpr size_t kLongestReason = 512;

// "" when the other end has gone.
std::string receive_text(int fd) {
  std::array<char, kLongestReason> text;
  ssize_t size = 0;
  do {
    size = ::recv(fd, text.data(), text.size(), 0);
  } while (size < 0 && errno == EINTR);
  return size <= 0 ? "" : std::string(text.data(), static_cast<size_t>(size));
}

bool send_text(int fd, std::string_view text) {
  return ::send(fd, text.data(), std::min(text.size(), kLongestReason), MSG_NOSIGNAL) >= 0;
}

}  // namespace

DialRelay make_dial_relay() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw Error::from_errno(errno, "make a pair of sockets");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool answer_dial(const UniqueFd& keeper, const std::string& server, std::chrono::milliseconds timeout) {
  if (receive_text(keeper.get()).empty()) {
    return false;
  }
  try {
    const UniqueFd connection = api::connect_tcp(server, timeout);
    if (!send_text(keeper.get(), "+")) {
      return false;
    }
    const int fd = connection.get();
    api::send_fds(keeper.get(), {&fd, 1});
    return true;
  } catch (const Error& error) {
    return send_text(keeper.get(), std::string("-") + error.what());
  }
}

UniqueFd dial_by_keeper(const UniqueFd& lab, std::chrono::milliseconds timeout) {
  if (!send_text(lab.get(), kRequest)) {
    throw Error::from_errno(errno, "ask the lab's keeper for a connection");
  }
  pollfd entry{.fd = lab.get(), .events = POLLIN, .revents = 0};
  if (::poll(&entry, 1, static_cast<int>(timeout.count())) <= 0) {
    throw Error(ErrorKind::Timeout, "the lab's keeper does not answer");
  }
  const std::string answer = receive_text(lab.get());
  if (answer != "+") {
    throw Error(ErrorKind::Kernel, answer.empty() ? "the lab's keeper has gone" : answer.substr(1));
  }
  std::vector<UniqueFd> fds = api::receive_fds(lab.get(), timeout);
  return std::move(fds.front());
}

}  // namespace labctl::supervisor
