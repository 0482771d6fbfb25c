#include "labctl/kubelet/probe_socket.hpp"

#include "labctl/kubelet/probe_tls.hpp"
#include "probes/protocol/grpc_health.hpp"
#include "probes/protocol/http.hpp"
#include "probes/protocol/redirect.hpp"
#include "probes/server/http_text.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

namespace labctl::kubelet {
namespace {

using HealthResult = ContainerHealth::Result;
using ReplyState = protocol::HttpResponseParser::State;

// Taken at one go, so that a flood of answers does not starve the rest of the loop.
constexpr int kEventsPerTurn = 64;
constexpr int kReadsPerEvent = 4;

// Of a body, in a warning: as much as an event of Kubernetes may say.
constexpr std::size_t kBodyTold = 900;

bool is_success(int status) { return status >= 200 && status < 400; }

// What a call of Health/Check means, as the kubelet tells it; pkg/probe/grpc.
ProbeAnswer health_verdict(const protocol::GrpcHealthCheck::Status& status) {
  using protocol::GrpcHealthCheck;
  constexpr std::uint32_t kUnimplemented = 12;
  if (status.code == kUnimplemented) {
    return {HealthResult::Failed,
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): " +
                status.message};
  }
  if (status.code != 0) {
    return {HealthResult::Failed, "error: health rpc probe failed: rpc error: code = " +
                                      protocol::grpc_code_name(status.code) + " desc = " + status.message};
  }
  if (status.state != GrpcHealthCheck::kServing) {
    return {HealthResult::Failed,
            "service unhealthy (responded with \"" + protocol::health_state_name(status.state) + "\")"};
  }
  return {HealthResult::Passed, {}};
}

}  // namespace

// One probe on its way: connecting, (TLS,) sending, reading.
struct ProbeSockets::Talk {
  SocketProbe probe;
  Done done;
  UniqueFd fd;
  loop::EventLoop::Id timer = 0;
  bool is_watched = false;
  std::uint32_t watched_for = 0;
  bool is_connected = false;
  std::unique_ptr<ProbeTls> tls;
  bool is_encrypted = false;
  std::string request_bytes;
  std::string_view unsent;   // of those, or of health_bytes
  std::string first_host;    // of the first request
  std::size_t requests = 0;  // of HTTP
  protocol::HttpResponseParser reply;
  std::unique_ptr<protocol::GrpcHealthCheck> health;
  std::string health_bytes;  // of the check, to be sent

  std::string place() const { return to_string(probe.address, probe.port); }
  // The request that comes next, on a connection of its own.
  void begin_request() {
    if (probe.request) {
      request_bytes = protocol::encode_http_request(*probe.request);
      unsent = request_bytes;
      ++requests;
    }
    tls.reset();  // before the socket that it uses
    fd.reset();
    is_watched = is_connected = is_encrypted = false;
    reply.reset();
  }
  // What http.Client puts before an error.
  ProbeAnswer failure(const std::string& cause, HealthResult result = HealthResult::Failed) const {
    return {result, !probe.request ? cause : "Get \"" + probe.url + "\": " + cause};
  }
  // grpc-go tries again and again until the time is over: that nothing listens shows in nothing else.
  ProbeAnswer no_grpc(HealthResult result = HealthResult::Failed) const {
    return {result, "timeout: failed to connect service \"" + place() + "\" within " +
                        to_string(std::chrono::microseconds(probe.timeout)) + ": context deadline exceeded"};
  }
  ProbeAnswer connect_failure(int cause) const {
    if (probe.grpc_service) {
      return no_grpc(cause == ECONNREFUSED ? HealthResult::Refused : HealthResult::Failed);
    }
    return failure("dial tcp " + place() + ": connect: " + server::go_error_text(cause),
                   cause == ECONNREFUSED ? HealthResult::Refused : HealthResult::Failed);
  }
  ProbeAnswer timeout() const {
    if (probe.grpc_service) {
      return health && health->state() == protocol::GrpcHealthCheck::State::Asking
                 ? ProbeAnswer{HealthResult::Failed, "timeout: health rpc did not complete within " +
                                                         to_string(std::chrono::microseconds(probe.timeout))}
                 : no_grpc();
    }
    if (!is_connected) {
      return failure("dial tcp " + place() + ": i/o timeout");
    }
    if (tls && !is_encrypted) {
      return failure("net/http: TLS handshake timeout");
    }
    return failure(
        reply.state() == ReplyState::Body
            ? "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
            : "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  }
  ProbeAnswer verdict() const {
    const int status = reply.response().status;
    if (is_success(status)) {
      return {HealthResult::Passed, status < 300 ? std::string()
                                                 : "Probe terminated redirects, Response body: " +
                                                       reply.response().body.substr(0, kBodyTold)};
    }
    return {HealthResult::Failed, "HTTP probe failed with statuscode: " + std::to_string(status)};
  }
};

ProbeSockets::ProbeSockets(loop::EventLoop& loop) : loop_(loop) {}

ProbeSockets::~ProbeSockets() {
  while (!talks_.empty()) {
    remove(talks_.begin()->first);
  }
  loop_.cancel(watch_);
}

ProbeSockets::Id ProbeSockets::ask(SocketProbe probe, Done done) {
  const Id id = next_++;
  Talk& talk = *(talks_[id] = std::make_unique<Talk>());
  talk.probe = std::move(probe);
  talk.first_host = talk.probe.asked.host;
  talk.begin_request();
  talk.done = std::move(done);
  if (std::optional<ProbeAnswer> failure = open(id, talk)) {
    talk.timer = loop_.call_after(std::chrono::milliseconds(0),
                                  [this, id, answer = std::move(*failure)] { finish(id, answer); });
  } else {
    talk.timer = loop_.call_after(talk.probe.timeout, [this, id] { finish(id, talks_.at(id)->timeout()); });
  }
  return id;
}

// Begins to connect; the answer if it ends here.
std::optional<ProbeAnswer> ProbeSockets::open(Id id, Talk& talk) {
  if (!epoll_) {
    epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) {
      return talk.failure("epoll: " + server::go_error_text(errno));
    }
    watch_ = loop_.call_when_readable(epoll_.get(), [this] { take_events(); });
  }
  try {
    const kernel::NamespaceScope scope(talk.probe.netns_fd);
    talk.fd =
        UniqueFd(::socket(talk.probe.address.af(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  } catch (const Error& error) {
    return talk.failure("dial tcp " + talk.place() + ": " + error.message());
  }
  if (!talk.fd) {
    return talk.failure("dial tcp " + talk.place() + ": socket: " + server::go_error_text(errno));
  }
  sockaddr_storage storage;
  const socklen_t length = talk.probe.address.to_sockaddr(talk.probe.port, storage);
  if (::connect(talk.fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 &&
      errno != EINPROGRESS) {
    return talk.connect_failure(errno);
  }
  watch(id, talk, EPOLLOUT);
  return std::nullopt;
}

void ProbeSockets::watch(Id id, Talk& talk, std::uint32_t events) {
  if (talk.is_watched && talk.watched_for == events) {
    return;
  }
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  ::epoll_ctl(epoll_.get(), talk.is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, talk.fd.get(), &event);
  talk.is_watched = true;
  talk.watched_for = events;
}

void ProbeSockets::take_events() {
  std::array<epoll_event, kEventsPerTurn> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, 0);
  for (int index = 0; index < count; ++index) {
    const Id id = events[static_cast<std::size_t>(index)].data.u64;
    if (const auto found = talks_.find(id); found != talks_.end()) {
      advance(id, *found->second);
    }
  }
}

// Each step returns false while it has to wait, or when it has finished the probe.
void ProbeSockets::advance(Id id, Talk& talk) {
  if (!talk.is_connected && !connect_through(id, talk)) {
    return;
  }
  if (talk.probe.grpc_service) {
    ask_health(id, talk);
  } else if (!talk.probe.request) {
    finish(id, {HealthResult::Passed, {}});
  } else if ((talk.probe.asked.scheme != "https" || encrypt_through(id, talk)) && send_through(id, talk)) {
    read_reply(id, talk);
  }
}

bool ProbeSockets::connect_through(Id id, Talk& talk) {
  int cause = 0;
  socklen_t length = sizeof cause;
  ::getsockopt(talk.fd.get(), SOL_SOCKET, SO_ERROR, &cause, &length);
  if (cause != 0) {
    finish(id, talk.connect_failure(cause));
    return false;
  }
  talk.is_connected = true;
  return true;
}

bool ProbeSockets::encrypt_through(Id id, Talk& talk) {
  if (talk.is_encrypted) {
    return true;
  }
  try {
    if (!talk.tls) {
      talk.tls = std::make_unique<ProbeTls>(talk.fd.get());
    }
  } catch (const Error& error) {
    finish(id, talk.failure(error.message()));
    return false;
  }
  if (!passes(id, talk, talk.tls->shake_hands())) {
    return false;  // finished, perhaps: then `talk` has gone
  }
  talk.is_encrypted = true;
  return true;
}

// What a step of TLS means for the probe.
bool ProbeSockets::passes(Id id, Talk& talk, ProbeTls::State state) {
  switch (state) {
    case ProbeTls::State::Done:
      return true;
    case ProbeTls::State::WantRead:
      watch(id, talk, EPOLLIN);
      return false;
    case ProbeTls::State::WantWrite:
      watch(id, talk, EPOLLOUT);
      return false;
    case ProbeTls::State::Closed:
      finish(id, talk.failure("EOF"));
      return false;
    case ProbeTls::State::Failed:
      finish(id, talk.failure(talk.tls->error()));
      return false;
  }
  return false;
}

bool ProbeSockets::send_through(Id id, Talk& talk) {
  while (!talk.unsent.empty()) {
    if (talk.tls) {
      if (!passes(id, talk, talk.tls->send(talk.unsent))) {
        return false;
      }
      continue;
    }
    const ssize_t sent = ::send(talk.fd.get(), talk.unsent.data(), talk.unsent.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      talk.unsent.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      watch(id, talk, EPOLLOUT);
      return false;
    } else if (errno != EINTR) {
      break;  // an answer may have come before the end: reading tells
    }
  }
  return true;
}

// One call of HTTP/2: what it has to say is sent, what comes is given to it, until it has an answer.
void ProbeSockets::ask_health(Id id, Talk& talk) {
  using State = protocol::GrpcHealthCheck::State;
  if (!talk.health) {
    talk.health = std::make_unique<protocol::GrpcHealthCheck>(*talk.probe.grpc_service, talk.place(),
                                                              talk.probe.user_agent);
  }
  std::array<char, 16'384> buffer;
  for (int turn = 0; turn < kReadsPerEvent; ++turn) {
    if (talk.unsent.empty()) {
      talk.health_bytes = talk.health->take_output();
      talk.unsent = talk.health_bytes;
    }
    if (!send_through(id, talk)) {
      return;
    }
    talk.unsent = {};  // what could not be sent: reading tells why
    const ssize_t length = ::recv(talk.fd.get(), buffer.data(), buffer.size(), 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
      break;
    }
    const State state = length <= 0 ? talk.health->finish()
                                    : talk.health->feed({buffer.data(), static_cast<std::size_t>(length)});
    if (state == State::Done) {
      return finish(id, health_verdict(talk.health->status()));
    }
    if (state == State::Failed) {
      return finish(id, talk.no_grpc());
    }
  }
  watch(id, talk, EPOLLIN);
}

void ProbeSockets::read_reply(Id id, Talk& talk) {
  std::array<char, 16'384> buffer;
  for (int turn = 0; turn < kReadsPerEvent; ++turn) {
    std::size_t received = 0;
    if (talk.tls) {
      const ProbeTls::State state = talk.tls->receive(buffer.data(), buffer.size(), received);
      if (state != ProbeTls::State::Closed && !passes(id, talk, state)) {
        return;
      }
    } else {
      const ssize_t length = ::recv(talk.fd.get(), buffer.data(), buffer.size(), 0);
      if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        break;
      }
      if (length < 0) {
        finish(id, talk.failure("read tcp " + talk.place() + ": read: " + server::go_error_text(errno)));
        return;
      }
      received = static_cast<std::size_t>(length);
    }
    const ReplyState state = received == 0 ? talk.reply.finish() : talk.reply.feed({buffer.data(), received});
    if (state == ReplyState::Done ||
        (state == ReplyState::Body && talk.reply.response().body_size >= kBodyMax)) {
      settle(id, talk);
      return;
    }
    if (state == ReplyState::Failed) {
      finish(id, talk.failure(talk.reply.got_anything() ? "malformed HTTP response: " + talk.reply.error()
                                                        : "EOF"));
      return;
    }
  }
  watch(id, talk, EPOLLIN);
}

// A reply is there: the last one, or one that leads to another place of the same host.
void ProbeSockets::settle(Id id, Talk& talk) {
  using Kind = protocol::Redirect::Kind;
  const protocol::HttpResponse& response = talk.reply.response();
  const protocol::Redirect redirect =
      protocol::redirect_of(response, talk.probe.asked, talk.first_host, talk.requests);
  if (redirect.kind == Kind::Bad) {
    finish(id, talk.failure(redirect.why));
    return;
  }
  if (redirect.kind != Kind::Follow) {
    finish(id, talk.verdict());
    return;
  }
  talk.probe.request =
      protocol::redirected_request(*talk.probe.request, response.status, talk.probe.asked, redirect.to);
  talk.probe.asked = redirect.to;
  talk.probe.url = to_string(redirect.to);
  talk.probe.port = redirect.to.port;
  talk.begin_request();
  if (const std::optional<ProbeAnswer> failure = open(id, talk)) {
    finish(id, *failure);
  }
}

void ProbeSockets::finish(Id id, const ProbeAnswer& answer) {
  const Done done = std::move(talks_.at(id)->done);
  const ProbeAnswer kept = answer;  // it may be the timer's own, which goes
  remove(id);
  done(kept);
}

void ProbeSockets::remove(Id id) {
  const auto found = talks_.find(id);
  loop_.cancel(found->second->timer);
  talks_.erase(found);  // closing takes the socket out of the epoll
}

void ProbeSockets::cancel(Id id) {
  if (talks_.contains(id)) {
    remove(id);
  }
}

}  // namespace labctl::kubelet
