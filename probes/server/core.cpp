#include "probes/server/core.hpp"

#include "probes/server/http_session.hpp"
#include "probes/server/pod_sockets.hpp"
#include "probes/server/stream_services.hpp"
#include "topology/base/error.hpp"
#include "topology/base/signals_blocked.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace labctl::server {
namespace {

constexpr std::uint64_t kMailboxTag = 1;
constexpr std::uint64_t kListenersTag = 2;
// How often the loop looks at the listeners in quiet times.
constexpr std::chrono::milliseconds kQuietTick{10};
// Connections taken from one queue at a time, so that a flood to one pod does not keep the others waiting.
constexpr std::size_t kAcceptsAtATime = 64;

}  // namespace

Core::Core(Hooks hooks)
    : hooks_(std::move(hooks)),
      mailbox_(std::make_shared<Mailbox>()),
      listeners_([mailbox = mailbox_] { mailbox->wake(); }) {
  loop_.on_removed([this](const Session& session) { on_session_gone(session); });
  loop_.watch_foreign(mailbox_->fd(), kMailboxTag);
  loop_.watch_foreign(listeners_.epoll(), kListenersTag);
  // Signals are for the program's own threads; this one inherits a mask without any.
  const SignalsBlocked blocked;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error::from_errno(error.code().value(), "built-in server: start its thread");
  }
  ::pthread_setname_np(thread_.native_handle(), "builtin-server");
}

Core::~Core() {
  stopping_ = true;
  mailbox_->wake();
  thread_.join();
  mailbox_->close();
  loop_.remove_if([](const Session&) { return true; });
  loop_.bury();
  for (PodId id = 1; id < next_pod_; ++id) {
    delete names_.find(id)->load();
  }
}

// ---- The loop thread ------------------------------------------------------------------------------

void Core::run() noexcept {
  std::array<epoll_event, 256> events;
  std::vector<std::function<void()>> hooks;
  std::chrono::milliseconds limit{-1};
  while (!stopping_) {
    const int count = loop_.wait(events, limit);
    {
      const std::lock_guard lock(mutex_);
      bool listeners_ready = false;
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == kMailboxTag) {
          read_mail();
        } else if (event.data.u64 == kListenersTag) {
          listeners_ready = true;
        } else {
          loop_.dispatch(event.data.u64, event.events);
        }
      }
      const auto now = std::chrono::steady_clock::now();
      if (listeners_ready ||
          ((listeners_.quiet() || listeners_.any_parked()) && now - served_at_ >= kQuietTick)) {
        serve_listeners(now);
      }
      loop_.run_deadlines(now);
      loop_.bury();
      limit = wait_limit(now);
      hooks.swap(deferred_);
    }
    for (const auto& hook : hooks) {
      hook();
    }
    hooks.clear();
  }
}

std::chrono::milliseconds Core::wait_limit(TimePoint now) {
  TimePoint next = loop_.next_deadline();
  if (listeners_.quiet() || listeners_.any_parked()) {
    next = std::min(next, served_at_ + kQuietTick);
  }
  if (next == TimePoint::max()) {
    return std::chrono::milliseconds(-1);
  }
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(next - now), std::chrono::milliseconds(0));
}

void Core::read_mail() {
  std::vector<std::function<void()>> work;
  std::vector<Accepted> connections;
  mailbox_->take(work, connections);
  for (Accepted& connection : connections) {
    welcome(std::move(connection));
  }
  for (const auto& letter : work) {
    letter();
  }
}

void Core::serve_listeners(TimePoint now) {
  served_at_ = now;
  std::array<ListenerId, 256> ids;
  std::vector<Accepted> accepted;
  const std::size_t count = listeners_.ready(ids.data(), ids.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto listener = listeners_.describe(ids[i]);
    if (!listener) {
      continue;
    }
    if (listener->protocol == model::Protocol::Udp) {
      listeners_.serve_udp(ids[i]);
    } else {
      listeners_.accept(ids[i], kAcceptsAtATime, accepted);
    }
  }
  listeners_.unpark_older(now - ListenerTable::kParkFor, accepted);
  for (Accepted& connection : accepted) {
    welcome(std::move(connection));
  }
}

void Core::welcome(Accepted connection) {
  const auto listener = listeners_.view(connection.listener);
  const auto pod = listener ? pods_.find(listener->pod) : pods_.end();
  if (pod == pods_.end()) {
    return;
  }
  if (pod->second.connections >= kMaxConnectionsPerPod || loop_.size() >= kMaxSessions) {
    // Refused loudly, so that the client need not wait.
    const linger now{1, 0};
    ::setsockopt(connection.fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return;
  }
  if (speaks_http(listener->endpoint->service)) {
    auto session = std::make_unique<HttpSession>(*this, *listener, std::move(connection));
    static_cast<HttpSession&>(adopt(std::move(session))).begin();
  } else {
    serve_stream(*this, *listener, std::move(connection));
  }
}

Session& Core::adopt(std::unique_ptr<Session> session) {
  Session& added = loop_.add(std::move(session));
  if (added.is_connection()) {
    ++pods_.at(added.pod()).connections;
    if (Container* container = find_container(added.container())) {
      ++container->connections;
    }
  }
  return added;
}

void Core::on_session_gone(const Session& session) {
  if (!session.is_connection()) {
    return;
  }
  if (const auto pod = pods_.find(session.pod()); pod != pods_.end()) {
    --pod->second.connections;
  }
  Container* container = find_container(session.container());
  if (container == nullptr || --container->connections > 0 || !container->draining) {
    return;
  }
  // Not from here: whoever removed the session is still at work with it.
  mailbox_->post([this, id = container->id, code = container->drain_code] {
    if (find_container(id) != nullptr) {
      log(id, "Graceful shutdown completed with: <nil>");
      finish(id, code);
    }
  });
}

UniqueFd Core::open_client(PodId pod, model::Protocol protocol, int family) noexcept {
  const PodFacts* facts = find_pod(pod);
  if (facts == nullptr) {
    errno = ENETDOWN;
    return {};
  }
  if (facts->netns_fd < 0) {
    return server::open_client(protocol, family);
  }
  try {
    const kernel::NamespaceScope visit(facts->netns_fd);
    return server::open_client(protocol, family);
  } catch (const Error& error) {
    errno = error.errno_value();
    return {};
  }
}

std::function<void(std::function<void()>)> Core::poster() const {
  return [mailbox = mailbox_](std::function<void()> work) { mailbox->post(std::move(work)); };
}

bool Core::reserve_body(std::ptrdiff_t bytes) {
  if (bytes > 0 && bodies_ + static_cast<std::size_t>(bytes) > kMaxBodies) {
    return false;
  }
  bodies_ += static_cast<std::size_t>(bytes);  // wraps as intended when negative
  return true;
}

bool Core::reserve_heavy(int count) {
  if (count > 0 && heavy_sessions_ + count > kMaxHeavySessions) {
    return false;
  }
  heavy_sessions_ += count;
  return true;
}

const TlsIdentity& Core::tls_identity() {
  if (!tls_identity_) {
    tls_identity_ = std::make_unique<TlsIdentity>();
  }
  return *tls_identity_;
}

// ---- Quiet times ----------------------------------------------------------------------------------

void Core::enter_quiet() noexcept {
  listeners_.add_quiet(1);
  {
    const std::lock_guard lock(quiet_mutex_);
    if (quiet_count_++ == 0) {
      loop_.unwatch_foreign(listeners_.epoll());
    }
  }
  mailbox_->wake();  // from now on it looks by itself
}

// Only the last one to leave hands over what is parked: it may be waiting for another prober's claim. That
// happens under the lock, so that whoever enters meanwhile parks nothing before it is done.
void Core::leave_quiet() noexcept {
  listeners_.add_quiet(-1);
  const std::lock_guard lock(quiet_mutex_);
  if (--quiet_count_ == 0) {
    loop_.watch_foreign(listeners_.epoll(), kListenersTag);
    std::vector<Accepted> accepted;
    listeners_.unpark_older(TimePoint::max(), accepted);
    mailbox_->post(std::move(accepted));
  }
}

void Core::drain_quietly() noexcept {
  std::array<ListenerId, 64> ids;
  std::vector<Accepted> accepted;
  const std::size_t count = listeners_.ready(ids.data(), ids.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (listeners_.serve_udp(ids[i]) == 0) {
      listeners_.accept(ids[i], kAcceptsAtATime, accepted);
    }
  }
  listeners_.unpark_older(std::chrono::steady_clock::now() - ListenerTable::kParkFor, accepted);
  mailbox_->post(std::move(accepted));
}

void Core::release() noexcept {
  std::vector<Accepted> accepted;
  listeners_.unpark_http(accepted);
  mailbox_->post(std::move(accepted));
}

}  // namespace labctl::server
