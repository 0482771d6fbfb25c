#include "probes/server/exchange.hpp"

#include "probes/server/http_text.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace labctl::server {
namespace {

using model::Protocol;

std::string_view go_network(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp:
      return "tcp";
    case Protocol::Udp:
      return "udp";
    case Protocol::Sctp:
      return "sctp";
  }
  return "tcp";
}

std::string local_text(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return "";
  }
  return to_string(IpAddress::from_sockaddr(address).value_or(IpAddress()), port_of(address));
}

}  // namespace

void Exchange::begin(Core& core, PodId pod, ContainerId container, Question question, Done done) {
  auto& session = static_cast<Exchange&>(
      core.adopt(std::make_unique<Exchange>(core, pod, container, std::move(question), std::move(done))));
  session.connect();
}

Exchange::Exchange(Core& core, PodId pod, ContainerId container, Question question, Done done)
    : Session(pod, container),
      core_(core),
      question_(std::move(question)),
      done_(std::move(done)),
      parser_(HttpParser::Kind::Response, kMaxAnswer) {}

void Exchange::connect() {
  if (question_.timeout.count() > 0) {
    core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + question_.timeout);
  }
  UniqueFd fd = core_.open_client(pod(), question_.protocol, question_.address.af());
  if (!fd) {
    fail("socket", errno);
    return;
  }
  core_.loop().set_fd(*this, std::move(fd));
  sockaddr_storage address;
  const socklen_t length = question_.address.to_sockaddr(question_.port, address);
  if (::connect(this->fd(), reinterpret_cast<const sockaddr*>(&address), length) == 0) {
    on_connected();
  } else if (errno == EINPROGRESS) {
    core_.loop().watch(*this, EPOLLOUT);
  } else {
    fail("connect", errno);
  }
}

void Exchange::on_connected() {
  connected_ = true;
  std::string bytes = question_.payload;
  if (question_.protocol == Protocol::Tcp) {
    if (question_.http_target.empty()) {
      finish(Outcome::Kind::Answered, "", "");
      return;
    }
    bytes = "GET " + question_.http_target +
            " HTTP/1.1\r\nHost: " + to_string(question_.address, question_.port) +
            "\r\nUser-Agent: labctl\r\nConnection: close\r\n\r\n";
  }
  // A request is far smaller than an empty send buffer: it goes whole or not at all.
  if (::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    fail("write", errno);
    return;
  }
  core_.loop().watch(*this, EPOLLIN);
}

void Exchange::on_ready(std::uint32_t) {
  if (!connected_) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length);
    error != 0 ? fail("connect", error) : on_connected();
  } else if (question_.protocol == Protocol::Tcp) {
    receive_http();
  } else {
    receive_message();
  }
}

void Exchange::receive_message() {
  std::array<char, 2048> buffer;
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    finish(Outcome::Kind::Answered, std::string(buffer.data(), static_cast<std::size_t>(got)), "");
  } else if (got == 0) {
    finish(Outcome::Kind::Failed, "", "EOF");
  } else if (errno != EAGAIN && errno != EINTR) {
    fail("read", errno);
  }
}

void Exchange::receive_http() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      fail("read", errno);
    }
    return;
  }
  if (got == 0) {
    parser_.finish();
  } else {
    parser_.feed({buffer.data(), static_cast<std::size_t>(got)});
  }
  switch (parser_.state()) {
    case HttpParser::State::Complete: {
      HttpMessage answer = parser_.take();
      finish(Outcome::Kind::Answered, std::move(answer.body), "", answer.status);
      break;
    }
    case HttpParser::State::Refused:
      finish(Outcome::Kind::Failed, "", got == 0 ? "unexpected EOF" : "malformed HTTP response");
      break;
    case HttpParser::State::NeedMore:
      if (got == 0) {
        finish(Outcome::Kind::Failed, "", "EOF");
      }
      break;
  }
}

void Exchange::on_deadline() {
  if (question_.protocol == Protocol::Tcp && !question_.http_target.empty()) {
    finish(Outcome::Kind::TimedOut, "",
           connected_ ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                      : "dial tcp " + where() + ": i/o timeout");
  } else if (connected_) {
    finish(Outcome::Kind::TimedOut, "",
           "read " + std::string(go_network(question_.protocol)) + " " + local_text(fd()) + "->" + where() +
               ": i/o timeout");
  } else {
    finish(Outcome::Kind::TimedOut, "",
           "dial " + std::string(go_network(question_.protocol)) + " " + where() + ": i/o timeout");
  }
}

std::string Exchange::where() const { return to_string(question_.address, question_.port); }

void Exchange::fail(std::string_view call, int errno_value) {
  const std::string network(go_network(question_.protocol));
  const std::string cause = std::string(call) + ": " + go_error_text(errno_value);
  const auto kind = errno_value == ECONNREFUSED ? Outcome::Kind::Refused
                    : errno_value == ETIMEDOUT  ? Outcome::Kind::TimedOut
                                                : Outcome::Kind::Failed;
  if (connected_) {
    finish(kind, "",
           std::string(call) + " " + network + " " + local_text(fd()) + "->" + where() + ": " + cause);
  } else {
    finish(kind, "", "dial " + network + " " + where() + ": " + cause);
  }
}

void Exchange::finish(Outcome::Kind kind, std::string body, std::string error, int status) {
  const Done done = std::move(done_);
  core_.loop().remove(*this);
  done({kind, status, std::move(body), std::move(error)});
}

}  // namespace labctl::server
