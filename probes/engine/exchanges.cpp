// Worker: conversations. http, the question who answers, and what those have in common with dns.

#include "probes/engine/worker.hpp"
#include "probes/protocol/http.hpp"
#include "probes/protocol/tcp.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::HttpResponseParser;
using protocol::ProbeProtocol;
using std::chrono::steady_clock;

}  // namespace

Exchange& Worker::exchange_of(Slot& slot) noexcept {
  if (slot.exchange == nullptr) {
    slot.exchange = std::make_unique<Exchange>();
  }
  return *slot.exchange;
}

void Worker::start_http(Slot& slot) noexcept {
  const Probe& probe = *slot.result.probe;
  static const protocol::HttpRequest kDefault;
  const protocol::HttpRequest& request = probe.http ? *probe.http : kDefault;
  if (probe.tls) {
    reason_ = "https probes need TLS, which this version does not speak";
    finish(slot, Outcome::Inconclusive);
    return;
  }
  if (encoded_request_ != &request || request.host.empty()) {
    encoded_request_ = nullptr;
    if (reason_ = protocol::request_error(request); !reason_.empty()) {
      finish(slot, Outcome::Inconclusive);
      return;
    }
    protocol::HttpRequest complete = request;
    if (complete.host.empty()) {
      complete.host = to_string(slot.to, slot.to_port);
    }
    encoded_ = protocol::encode_http_request(complete);
    encoded_request_ = &request;
  }
  Exchange& exchange = exchange_of(slot);
  exchange.out = encoded_;
  exchange.parser.reset(request.method == "HEAD", request.body_kept);
  slot.result.http.clear();
  start_stream(slot);
}

// Sends what is to be said, and waits for the answer until `due`.
void Worker::begin_exchange(Slot& slot, Phase phase, Time due) noexcept {
  slot.phase = phase;
  slot.exchange->out_sent = 0;
  if (send_rest(slot)) {
    const bool sent = slot.exchange->out_sent == slot.exchange->out.size();
    if (poll_for(slot, sent ? EPOLLIN : EPOLLIN | EPOLLOUT)) {
      set_timer(slot, due);
    }
  }
}

// The socket of a conversation can be read, written, or has failed.
void Worker::on_exchange(Slot& slot, std::uint32_t events) noexcept {
  Exchange& exchange = *slot.exchange;
  const bool is_http = slot.phase == Phase::Asking || !slot.asks_dns;
  if ((events & EPOLLERR) != 0) {
    QueuedError queued;
    while (take_error(slot.fd.get(), queued)) {
      // Connections survive ICMP errors by themselves; a question by UDP is over.
      if (!is_http && !exchange.dns_over_tcp && queued.outcome != Outcome::Inconclusive) {
        describe("ask", queued, reason_);
        finish(slot, queued.outcome);
        return;
      }
    }
  }
  if ((events & EPOLLOUT) != 0) {
    if (!send_rest(slot) || (exchange.out_sent == exchange.out.size() && !poll_for(slot, EPOLLIN))) {
      return;
    }
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
    return;
  }
  if (is_http) {
    read_http(slot);
  } else if (exchange.dns_over_tcp) {
    read_dns_stream(slot);
  } else {
    read_dns_datagram(slot);
  }
}

// Sends what the socket takes. False, and the try is over, on an error.
bool Worker::send_rest(Slot& slot) noexcept {
  Exchange& exchange = *slot.exchange;
  while (exchange.out_sent < exchange.out.size()) {
    const ssize_t sent = ::send(slot.fd.get(), exchange.out.data() + exchange.out_sent,
                                exchange.out.size() - exchange.out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR) {
        return true;
      }
      // A server may answer and close before it has read all: what it said is worth more than EPIPE.
      if (errno == EPIPE || errno == ECONNRESET) {
        exchange.out_sent = exchange.out.size();
        return true;
      }
      exchange_failed(slot, "send", errno);
      return false;
    }
    exchange.out_sent += static_cast<std::size_t>(sent);
  }
  return true;
}

// http, and the answer to "who are you".
void Worker::read_http(Slot& slot) noexcept {
  HttpResponseParser& parser = slot.exchange->parser;
  while (parser.state() == HttpResponseParser::State::Head ||
         parser.state() == HttpResponseParser::State::Body) {
    const ssize_t size = ::recv(slot.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        exchange_failed(slot, "receive", errno);
      }
      return;
    }
    if (size == 0) {
      parser.finish();
    } else {
      parser.feed({buffer_.data(), static_cast<std::size_t>(size)});
    }
  }
  end_http(slot);
}

void Worker::end_http(Slot& slot) noexcept {
  const HttpResponseParser& parser = slot.exchange->parser;
  const bool done = parser.state() == HttpResponseParser::State::Done;
  if (slot.phase == Phase::Asking) {
    // Up is up, whatever the other side says: slot.up stays the time of the handshake.
    const auto identity = done ? protocol::identity_in(parser.response()) : std::nullopt;
    if (identity) {
      answered(slot, identity->backend, identity->source, identity->source_port);
    } else {
      reason_ = "connected, but the other side did not say who it is";
    }
    finish(slot, Outcome::Ok);
    return;
  }
  slot.up = steady_clock::now();
  const protocol::HttpRequest* request = slot.result.probe->http.get();
  if (!done) {
    reason_ = parser.error();
    finish(slot, Outcome::WrongAnswer);
    return;
  }
  slot.result.http = parser.response();
  const Outcome outcome = protocol::classify(parser.response(), request ? *request : protocol::HttpRequest());
  if (outcome != Outcome::Ok) {
    reason_ = "HTTP status " + std::to_string(slot.result.http.status);
    if (!slot.result.http.reason_phrase.empty()) {
      reason_ += ' ' + slot.result.http.reason_phrase;
    }
  }
  finish(slot, outcome);
}

void Worker::exchange_failed(Slot& slot, std::string_view act, int errno_value) noexcept {
  if (slot.phase == Phase::Asking) {
    reason_ = "connected, but the other side did not say who it is";
    finish(slot, Outcome::Ok);
    return;
  }
  describe_errno(act, errno_value, reason_);
  finish(slot, probes::outcome_of_errno(errno_value));
}

}  // namespace labctl::engine
