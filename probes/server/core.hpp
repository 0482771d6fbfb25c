#pragma once

// The workings of the server: pods, containers, the loop thread, and what sessions may ask of them.
//
// One lock guards pods, containers and sessions; the loop holds it while it handles a batch of events,
// control calls while they change something. Probers never take it. Hooks are put off until the lock is given
// back. Order of locks: this one, then those of the listener table, then the mailbox's.

#include "probes/server/chunked_array.hpp"
#include "probes/server/event_loop.hpp"
#include "probes/server/listener_table.hpp"
#include "probes/server/role.hpp"
#include "probes/server/server.hpp"
#include "probes/server/tls_stream.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace labctl::server {

struct Container {
  ContainerId id = 0;
  std::shared_ptr<const PodFacts> facts;
  std::shared_ptr<const Role> role;
  std::vector<ListenerId> listeners;
  TimePoint started{};
  int connections = 0;
  bool terminating = false;  // has had its SIGTERM
  bool draining = false;     // /exit: sockets closed, connections may end
  int drain_code = 0;
  SessionId alarm = 0;  // the end that is planned
  // Bounded log.
  std::int64_t log_second = 0;
  int log_lines = 0;
  int log_left_out = 0;
};

class Core {
 public:
  // Bounds on what clients can make us hold. A pod's share keeps one busy pod from starving the others.
  static constexpr int kMaxConnectionsPerPod = 1024;
  static constexpr std::size_t kMaxSessions = 16384;
  static constexpr std::size_t kMaxBody = 8 * 1024 * 1024;
  static constexpr std::size_t kMaxBodies = 64 * 1024 * 1024;
  // Connections that speak TLS or HTTP/2, whose state is some tens of KiB each.
  static constexpr int kMaxHeavySessions = 2048;

  explicit Core(Hooks hooks);
  ~Core();

  // ---- For Server: see there --------------------------------------------------------------------
  PodId add_pod(Identity identity);
  void remove_pod(PodId pod);
  ContainerId start(PodId pod, const Role& role);
  void stop(ContainerId container, std::chrono::milliseconds grace);
  std::string_view name_of(PodId pod) const noexcept;
  ListenerTable& listeners() noexcept { return listeners_; }
  void release() noexcept;
  void enter_quiet() noexcept;
  void leave_quiet() noexcept;
  void drain_quietly() noexcept;

  // ---- For sessions; the lock is held ------------------------------------------------------------
  EventLoop& loop() noexcept { return loop_; }
  // The session is owned by the loop; counted for its container.
  Session& adopt(std::unique_ptr<Session> session);
  Container* find_container(ContainerId id);
  const PodFacts* find_pod(PodId pod) const;
  // A client socket in the pod's namespace; empty with errno set on failure.
  UniqueFd open_client(PodId pod, model::Protocol protocol, int family) noexcept;
  // One line of the container's log, bounded.
  void log(ContainerId container, std::string line);
  // Runs `work` on the loop thread, without the lock.
  void defer(std::function<void()> work) { deferred_.push_back(std::move(work)); }
  // Closes everything of the container and reports its exit. Callers stop touching their session.
  void finish(ContainerId container, int exit_code);
  // Plans the end: sockets stay open for `wait`; then, if `linger` is not zero, new
  // connections are refused and those that are open get that long. `asker`, unless 0, is the
  // HTTP session to answer when the wait is over.
  void plan_exit(ContainerId container, int exit_code, std::chrono::milliseconds wait,
                 std::chrono::milliseconds linger, SessionId asker);
  const Hooks& hooks() const noexcept { return hooks_; }
  // Work that comes back from elsewhere: runs on the loop thread, with the lock.
  std::function<void(std::function<void()>)> poster() const;
  // Bytes of unfinished request bodies, over all connections.
  bool reserve_body(std::ptrdiff_t bytes);
  // A connection is to be of those of kMaxHeavySessions, or is no more (-1).
  bool reserve_heavy(int count);
  // Made when first asked for. Throws Error.
  const TlsIdentity& tls_identity();

 private:
  struct Pod {
    std::shared_ptr<const PodFacts> facts;
    std::vector<ContainerId> containers;
    int connections = 0;
  };

  void run() noexcept;
  void read_mail();
  // Takes what waits in the listening sockets, and what nobody claimed.
  void serve_listeners(TimePoint now);
  void welcome(Accepted connection);
  struct Opened {
    UniqueFd fd;
    std::uint32_t endpoint = 0;
    std::optional<IpAddress> address;
  };
  std::vector<Opened> open_sockets(const PodFacts& pod, const Role& role) const;
  void close_listeners(Container& container);
  // Closes all of it and forgets it; nobody is told.
  void remove_container(Container& container);
  void set_alarm(Container& container, std::chrono::milliseconds after, std::function<void()> ring);
  void drain(ContainerId container, int exit_code, std::chrono::milliseconds linger);
  // The course of `connect`.
  void begin_connect(ContainerId container);
  void end_connect(ContainerId container, const std::string& output);
  void on_session_gone(const Session& session);
  std::shared_ptr<const Role> shared_role(const Role& role);
  std::chrono::milliseconds wait_limit(TimePoint now);
  void write_line(ContainerId container, std::string line);

  Hooks hooks_;
  std::shared_ptr<Mailbox> mailbox_;
  ListenerTable listeners_;

  std::mutex mutex_;  // guards all from here to deferred_
  EventLoop loop_;
  std::unordered_map<PodId, Pod> pods_;
  std::unordered_map<ContainerId, std::unique_ptr<Container>> containers_;
  std::shared_ptr<const Role> last_role_;
  PodId next_pod_ = 1;
  ContainerId next_container_ = 1;
  std::size_t bodies_ = 0;
  int heavy_sessions_ = 0;
  std::unique_ptr<TlsIdentity> tls_identity_;
  TimePoint served_at_{};  // when the listeners were last looked at
  std::vector<std::function<void()>> deferred_;

  // Ids of all pods there ever were: short, and asked for after the pod has gone.
  ChunkedArray<std::atomic<const std::string*>, 1024, 4096> names_;
  std::mutex quiet_mutex_;  // guards the listeners' place in the loop's epoll
  int quiet_count_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace labctl::server
