#include "probes/server/http_session.hpp"

#include "probes/server/http_services.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace labctl::server {

HttpSession::HttpSession(Core& core, const ListenerTable::View& listener, Accepted connection)
    : Session(listener.pod, listener.container, std::move(connection.fd)),
      core_(core),
      role_(listener.role),
      endpoint_(listener.endpoint),
      peer_(connection.peer),
      parser_(HttpParser::Kind::Request, Core::kMaxBody) {}

HttpSession::~HttpSession() { core_.reserve_body(-static_cast<std::ptrdiff_t>(accounted_)); }

void HttpSession::begin() {
  core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + kMessageTime);
  core_.loop().watch(*this, EPOLLIN);
}

void HttpSession::on_ready(std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (busy_ || (events & EPOLLIN) == 0)) {
    core_.loop().remove(*this);
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    if (!flush()) {
      return;
    }
    advance();
  } else if ((events & EPOLLIN) != 0) {
    read_some();
  }
}

void HttpSession::on_deadline() {
  if (!busy_ && out_.empty() && parser_.started()) {
    refuse({408, "request timeout"});
    if (!removed() && !out_.empty()) {
      core_.loop().remove(*this);
    }
    return;
  }
  core_.loop().remove(*this);
}

void HttpSession::read_some() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = ::recv(fd(), buffer.data(), buffer.size(), 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      core_.loop().remove(*this);
    }
    return;
  }
  if (got == 0) {
    input_ended_ = true;
  }
  in_.append(buffer.data(), static_cast<std::size_t>(got));
  advance();
}

void HttpSession::advance() {
  advancing_ = true;
  while (!busy_ && !removed() && out_.empty() && !in_.empty() &&
         parser_.state() == HttpParser::State::NeedMore) {
    feed();
  }
  advancing_ = false;
  if (removed()) {
    return;
  }
  if (input_ended_ && !busy_ && out_.empty()) {
    core_.loop().remove(*this);
    return;
  }
  watch_again();
}

void HttpSession::feed() {
  if (!parser_.started()) {
    core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + kMessageTime);
  }
  in_.erase(0, parser_.feed(in_));
  account_body();
  if (removed()) {
    return;
  }
  switch (parser_.state()) {
    case HttpParser::State::NeedMore:
      if (parser_.take_expect_continue()) {
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        flush();
      }
      break;
    case HttpParser::State::Refused:
      refuse(parser_.refusal());
      break;
    case HttpParser::State::Complete: {
      const HttpMessage request = parser_.take();
      core_.reserve_body(-static_cast<std::ptrdiff_t>(std::exchange(accounted_, 0)));
      head_ = request.method == "HEAD";
      keep_alive_ = request.keep_alive();
      busy_ = true;
      serve_http(*this, request);
      break;
    }
  }
}

void HttpSession::account_body() {
  const std::size_t size = parser_.body_size();
  if (size > accounted_) {
    if (!core_.reserve_body(static_cast<std::ptrdiff_t>(size - accounted_))) {
      refuse({503, "too many bodies at once"});
      return;
    }
    accounted_ = size;
    core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + kMessageTime);
  }
}

void HttpSession::refuse(const HttpRefusal& refusal) {
  keep_alive_ = false;
  head_ = false;
  busy_ = true;
  in_.clear();
  HttpReply answer;
  answer.status = refusal.status;
  answer.body = std::to_string(refusal.status) + " " + std::string(status_text(refusal.status)) + ": " +
                std::string(refusal.reason);
  reply(answer);
}

void HttpSession::reply(const HttpReply& reply) {
  if (removed()) {
    return;
  }
  busy_ = false;
  const Container* container = core_.find_container(this->container());
  close_after_ =
      !keep_alive_ || reply.close || role_->close_connections || container == nullptr || container->draining;
  out_ += to_bytes(reply, head_, !close_after_, std::chrono::system_clock::now());
  if (flush() && !advancing_) {
    advance();
  }
}

bool HttpSession::flush() {
  while (!out_.empty()) {
    const ssize_t sent = ::send(fd(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0 && errno == EAGAIN) {
      core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + kWriteTime);
      core_.loop().watch(*this, EPOLLOUT);
      return !removed();
    }
    if (sent < 0) {
      core_.loop().remove(*this);
      return false;
    }
    out_.erase(0, static_cast<std::size_t>(sent));
  }
  if (close_after_) {
    core_.loop().remove(*this);
    return false;
  }
  return true;
}

void HttpSession::watch_again() {
  if (!out_.empty()) {
    return;  // flush() has asked for EPOLLOUT
  }
  if (busy_) {
    // The reply takes the time it takes; its maker has bounds of its own.
    core_.loop().set_deadline(*this, TimePoint::max());
    core_.loop().watch(*this, 0);
    return;
  }
  if (!parser_.started()) {
    core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + kIdleTime);
  }
  core_.loop().watch(*this, EPOLLIN);
}

}  // namespace labctl::server
