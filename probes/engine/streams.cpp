// Worker: connections. The handshake of tcp and sctp, and who is at the other end.

#include "probes/engine/worker.hpp"
#include "probes/protocol/sctp.hpp"
#include "probes/protocol/tcp.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace labctl::engine {
namespace {

using probes::Outcome;
using protocol::ProbeProtocol;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Tries that share a source port follow each other at once. A first packet that meets the other
// side's socket of the try before while that is busy dying is lost without a word, and the
// kernel sends it again only after a second.
constexpr milliseconds kSamePortPatience{250};

}  // namespace

void Worker::start_stream(Slot& slot) noexcept {
  const bool sctp = slot.result.probe->protocol == ProbeProtocol::Sctp && !slot.asks_dns;
  if (!open_stream(slot, SOCK_STREAM, sctp ? IPPROTO_SCTP : IPPROTO_TCP, "connect")) {
    return;
  }
  // Over veth the handshake has run inside connect(2): one look tells, and epoll is not needed.
  pollfd look{slot.fd.get(), POLLOUT, 0};
  ::poll(&look, 1, 0);
  if (look.revents == POLLOUT) {
    slot.up = steady_clock::now();
    connected(slot);
    return;
  }
  if ((look.revents & (POLLERR | POLLHUP)) != 0 && connect_failed(slot)) {
    return;
  }
  slot.phase = Phase::Connecting;
  expect_claim(slot, true);
  if (poll_for(slot, EPOLLOUT)) {
    const bool follows = slot.result.probe->source_port != 0 && slot.result.tries > 0 && !slot.goes_on;
    set_timer(slot, follows ? std::min<Time>(slot.deadline, steady_clock::now() + kSamePortPatience)
                            : slot.deadline);
  }
}

// The handshake has not come to an end in the time it was given: over, or once more (see kSamePortPatience).
void Worker::on_connect_timer(Slot& slot, Time now) noexcept {
  if (now < slot.deadline) {
    connect_again(slot);
  } else {
    time_out(slot, "no answer");
  }
}

// A second connection of the same try, whose time runs on.
void Worker::connect_again(Slot& slot) noexcept {
  close_stream(slot);
  timers_.remove(index_of(slot));
  slot.generation = (slot.generation + 1) & 0x7fffffff;
  slot.goes_on = true;
  start_stream(slot);
}

// Opens the slot's socket in its namespace and connects it, without waiting.
// False if the try is over or put off.
bool Worker::open_stream(Slot& slot, int type, int protocol, std::string_view act) noexcept {
  const Probe& probe = *slot.result.probe;
  if (!enter(slot)) {
    return false;
  }
  slot.fd.reset(::socket(slot.to.af(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!slot.fd) {
    if (protocol == IPPROTO_SCTP && protocol::lacks_sctp(errno)) {
      reason_ = protocol::kNoSctp;
      finish(slot, Outcome::Inconclusive);
    } else {
      local_trouble(slot, "open socket", errno);
    }
    return false;
  }
  want_error_queue(slot.fd.get(), slot.to.family());
  sockaddr_storage address;
  if (probe.source_port != 0 && (!slot.asks_dns || probe.protocol == ProbeProtocol::Dns)) {
    const int on = 1;
    ::setsockopt(slot.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const socklen_t size = IpAddress::any(slot.to.family()).to_sockaddr(probe.source_port, address);
    if (::bind(slot.fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
      local_trouble(slot, "bind to the source port", errno);
      return false;
    }
  }
  const socklen_t size = slot.to.to_sockaddr(slot.to_port, address);
  if (!slot.goes_on) {
    slot.began = steady_clock::now();
    slot.deadline = slot.began + probe.timeout;
  }
  if (::connect(slot.fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 &&
      errno != EINPROGRESS) {
    const int cause = errno;
    const Outcome outcome = probes::outcome_of_errno(cause);
    if (outcome == Outcome::Inconclusive) {
      local_trouble(slot, act, cause);
    } else {
      describe_errno(act, cause, reason_);
      finish(slot, outcome);
    }
    return false;
  }
  return true;
}

void Worker::on_connecting(Slot& slot, std::uint32_t events) noexcept {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    connect_failed(slot);
  } else if ((events & EPOLLOUT) != 0) {
    slot.up = steady_clock::now();
    connected(slot);
  }
}

// Something is wrong with a handshake under way. False if it was only a remark
// about packet sizes, and it goes on.
bool Worker::connect_failed(Slot& slot) noexcept {
  QueuedError queued;
  QueuedError first;
  while (take_error(slot.fd.get(), queued)) {
    if (queued.outcome != Outcome::Inconclusive && first.outcome == Outcome::Inconclusive) {
      first = queued;
    }
  }
  const int cause = take_so_error(slot.fd.get());
  if (first.outcome != Outcome::Inconclusive) {
    describe("connect", first, reason_);
    finish(slot, first.outcome);
    return true;
  }
  if (cause != 0) {
    describe_errno("connect", cause, reason_);
    const bool sctp = slot.result.probe->protocol == ProbeProtocol::Sctp && !slot.asks_dns;
    finish(slot, sctp ? protocol::classify_sctp_connect(cause) : protocol::classify_connect(cause));
    return true;
  }
  return false;
}

// The handshake is done, at slot.up.
void Worker::connected(Slot& slot) noexcept {
  if (slot.asks_dns) {
    begin_dns(slot);
    return;
  }
  switch (slot.result.probe->protocol) {
    case ProbeProtocol::Http:
      begin_exchange(slot, Phase::Exchanging, slot.deadline);
      return;
    default:
      identify(slot);
      return;
  }
}

void Worker::identify(Slot& slot) noexcept {
  const Probe& probe = *slot.result.probe;
  if (server_ == nullptr || probe.identify == Identify::Never) {
    finish(slot, Outcome::Ok);
    return;
  }
  if (claim(slot)) {
    return;
  }
  const auto view = slot.listener ? server_->describe(*slot.listener) : std::nullopt;
  if (!view && probe.identify == Identify::Auto) {
    finish(slot, Outcome::Ok);
  } else if (probe.protocol == ProbeProtocol::Tcp && (!view || view->http)) {
    ask(slot);
  } else {
    // Nothing to ask: what is left is that the connection shows up late.
    slot.phase = Phase::Claiming;
    expect_claim(slot, true);
    set_timer(slot, steady_clock::now() + milliseconds(1));
  }
}

// Takes the connection out of the accept queue it lies in; true, and the try is over, if it is found.
bool Worker::claim(Slot& slot) noexcept {
  const Probe& probe = *slot.result.probe;
  if (!slot.listener && probe.identify == Identify::Auto) {
    return false;
  }
  sockaddr_storage client{};
  socklen_t size = sizeof client;
  if (::getsockname(slot.fd.get(), reinterpret_cast<sockaddr*>(&client), &size) != 0) {
    return false;
  }
  const auto answer = slot.listener ? server_->claim(*slot.listener, client) : server_->claim_any(client);
  if (!answer) {
    return false;
  }
  answered(slot, server_->name_of(answer->backend), answer->source, answer->source_port);
  finish(slot, Outcome::Ok);
  return true;
}

// As long as connections are to be claimed later, the server's loop is kept from serving them as anyone's.
void Worker::expect_claim(Slot& slot, bool is_expected) noexcept {
  const Probe& probe = *slot.result.probe;
  const bool may_claim =
      (probe.protocol == ProbeProtocol::Tcp || probe.protocol == ProbeProtocol::Sctp) &&
      (probe.identify == Identify::Ask || (probe.identify == Identify::Auto && slot.listener));
  const bool now = is_expected && may_claim && !slot.asks_dns;
  claims_expected_ += now && !slot.is_claim_expected ? 1 : 0;
  claims_expected_ -= !now && slot.is_claim_expected ? 1 : 0;
  slot.is_claim_expected = now;
}

void Worker::answered(Slot& slot, std::string_view backend, const IpAddress& source,
                      std::uint16_t port) noexcept {
  slot.has_answer = true;
  slot.result.backend.assign(backend);
  slot.result.source = source;
  slot.result.source_port = port;
}

void Worker::ask(Slot& slot) noexcept {
  Exchange& exchange = exchange_of(slot);
  exchange.out = protocol::kTcpQuestion;
  exchange.parser.reset();
  release_asked_ = true;
  expect_claim(slot, false);
  begin_exchange(slot, Phase::Asking,
                 slot.listener ? slot.deadline : std::min<Time>(slot.deadline, slot.up + ask_timeout_));
}

// Closed with a reset: no TIME_WAIT is left on either side, and conntrack forgets within seconds.
void Worker::close_stream(Slot& slot) noexcept {
  if (!slot.fd) {
    return;
  }
  constexpr linger kReset{1, 0};
  ::setsockopt(slot.fd.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
  slot.fd.reset();
  polled_ -= slot.is_polled ? 1 : 0;
  slot.is_polled = false;
}

}  // namespace labctl::engine
