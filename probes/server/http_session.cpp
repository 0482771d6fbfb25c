#include "probes/server/http_session.hpp"

#include "probes/server/http_services.hpp"
#include "topology/base/error.hpp"

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
      parser_(HttpParser::Kind::Request, Core::kMaxBody),
      is_version_known_(listener.endpoint->service != Service::StandInHttp) {}

HttpSession::~HttpSession() {
  core_.reserve_body(-static_cast<std::ptrdiff_t>(accounted_));
  if (is_heavy_) {
    core_.reserve_heavy(-1);
  }
}

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
  if (!busy_ && out_.empty() && parser_.started() && !tls_) {
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
  if (receive({buffer.data(), static_cast<std::size_t>(got)})) {
    advance();
  }
}

bool HttpSession::receive(std::string_view bytes) {
  const bool is_first = !bytes.empty() && !std::exchange(has_input_, true);
  if (is_first && endpoint_->service == Service::StandInHttp && bytes.front() == kTlsFirstByte &&
      !begin_heavy([this] { tls_ = std::make_unique<TlsStream>(core_.tls_identity()); })) {
    return false;
  }
  if (!tls_) {
    in_.append(bytes);
    return true;
  }
  if (!bytes.empty() && tls_->receive(bytes, in_, out_) == TlsStream::State::Over) {
    input_ended_ = true;
  }
  return flush();
}

// False when the session is gone: it would be one too many, or there is no memory for it.
bool HttpSession::begin_heavy(const std::function<void()>& begin) {
  is_heavy_ = is_heavy_ || core_.reserve_heavy(1);
  try {
    if (is_heavy_) {
      begin();
      return true;
    }
  } catch (const Error& error) {
    core_.log(container(), error.message());
  }
  core_.loop().remove(*this);
  return false;
}

bool HttpSession::knows_version() {
  if (is_version_known_ || in_.empty()) {
    return is_version_known_;
  }
  const std::string_view beginning = std::string_view(in_).substr(0, kHttp2Preface.size());
  is_version_known_ = !kHttp2Preface.starts_with(beginning);
  // Shorter: what has come so far may become either.
  if (!is_version_known_ && beginning.size() == kHttp2Preface.size()) {
    const auto answer = [this](std::string_view method, std::string_view path, bool is_grpc) {
      return answer_http2(method, path, is_grpc);
    };
    is_version_known_ = begin_heavy([&] { http2_ = std::make_unique<Http2Server>(answer); });
  }
  return is_version_known_;
}

void HttpSession::feed_http2() {
  const bool goes_on = http2_->feed(std::exchange(in_, {}));
  write(http2_->take_output());
  close_after_ = close_after_ || !goes_on;
  flush();
}

// As the API of HTTP/1.1 answers, in short: stand-ins for gRPC servers are seldom asked.
std::string HttpSession::answer_http2(std::string_view method, std::string_view path, bool is_grpc) {
  core_.log(container(), (is_grpc ? "gRPC " : std::string(method) + " ") + std::string(path));
  const PodFacts* pod = core_.find_pod(this->pod());
  const std::string peer = to_string(peer_.address, peer_.port);
  const std::string plain = parse_target(path).path;
  if (plain == "/clientip") {
    return peer;
  }
  if (plain == "/labctl/probe") {
    return std::string(pod != nullptr ? pod->id : "") + "\n" + peer + "\n";
  }
  return pod != nullptr ? pod->hostname : "";
}

void HttpSession::write(std::string_view plain) {
  if (tls_) {
    out_ += tls_->encrypt(plain);
  } else {
    out_ += plain;
  }
}

void HttpSession::advance() {
  advancing_ = true;
  while (!busy_ && !removed() && out_.empty() && !in_.empty() &&
         parser_.state() == HttpParser::State::NeedMore && knows_version()) {
    http2_ ? feed_http2() : feed();
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
        write("HTTP/1.1 100 Continue\r\n\r\n");
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
  write(to_bytes(reply, head_, !close_after_, std::chrono::system_clock::now()));
  if (close_after_ && tls_) {
    out_ += tls_->close();
  }
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
  const bool is_new = !is_version_known_ || (tls_ && tls_->state() == TlsStream::State::Handshake);
  if (!parser_.started() && !is_new) {
    core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + kIdleTime);
  }
  core_.loop().watch(*this, EPOLLIN);
}

}  // namespace labctl::server
