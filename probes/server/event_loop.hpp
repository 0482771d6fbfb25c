#pragma once

// Sessions (one socket or none, with an optional deadline) in one epoll, and letters from other threads.
//
// Threads: everything but wait() and Mailbox is called with the owner's lock held; wait() without it, by one
// thread. A session may remove itself or others while it handles an event: its socket closes at once, the
// object goes when bury() is called. Events are addressed by number and generation, so one that was under way
// when its session went reaches nobody.

#include "probes/server/listener_table.hpp"
#include "probes/server/server.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <utility>
#include <vector>

struct epoll_event;

namespace labctl::server {

// 0 is none.
using SessionId = std::uint64_t;
using TimePoint = std::chrono::steady_clock::time_point;

class Session {
 public:
  Session(PodId pod, ContainerId container, UniqueFd fd = {})
      : pod_(pod), container_(container), fd_(std::move(fd)) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // `events` as epoll_wait(2) gives them.
  virtual void on_ready(std::uint32_t events) = 0;
  virtual void on_deadline() = 0;
  // Whether it is a client's connection, which a graceful end waits for.
  virtual bool is_connection() const { return false; }
  // Whether nothing is under way on it.
  virtual bool is_idle() const { return false; }

  SessionId id() const { return id_; }
  PodId pod() const { return pod_; }
  ContainerId container() const { return container_; }
  int fd() const { return fd_.get(); }
  bool removed() const { return removed_; }

 private:
  friend class EventLoop;
  SessionId id_ = 0;
  PodId pod_;
  ContainerId container_;
  UniqueFd fd_;
  std::uint32_t watched_ = 0;
  bool in_epoll_ = false;
  bool removed_ = false;
  TimePoint deadline_ = TimePoint::max();
  TimePoint queued_ = TimePoint::max();  // under which time it stands in the queue of deadlines
};

// What other threads have for the loop: connections they accepted, and work to do. Outlives the loop in the
// hands of those who still mean to write; what they write then is dropped.
class Mailbox {
 public:
  Mailbox();
  void post(std::function<void()> work);
  void post(std::vector<Accepted> connections);
  void wake() noexcept;
  // Empties it; called by the loop.
  void take(std::vector<std::function<void()>>& work, std::vector<Accepted>& connections);
  void close();
  int fd() const noexcept { return event_.get(); }

 private:
  void wake_locked() noexcept;

  std::mutex mutex_;
  UniqueFd event_;
  std::vector<std::function<void()>> work_;
  std::vector<Accepted> connections_;
  bool woken_ = false;
};

class EventLoop {
 public:
  // Throws Error (Kernel) without descriptors.
  EventLoop();
  // `gone` hears of each session that is removed.
  void on_removed(std::function<void(const Session&)> gone) { gone_ = std::move(gone); }

  Session& add(std::unique_ptr<Session> session);
  Session* find(SessionId id) const noexcept;
  std::size_t size() const noexcept { return live_; }
  // Adds or changes what is waited for; 0 still reports a broken connection.
  void watch(Session& session, std::uint32_t events);
  // Another socket for the session; the one before is closed.
  void set_fd(Session& session, UniqueFd fd);
  void set_deadline(Session& session, TimePoint deadline);
  void remove(Session& session);
  // Every session for which `chosen` is true.
  void remove_if(const std::function<bool(const Session&)>& chosen);
  void bury() { graveyard_.clear(); }

  // Watches a foreign descriptor, reported by wait() under `tag`. Tags lie below kFirstSession.
  void watch_foreign(int fd, std::uint64_t tag);
  void unwatch_foreign(int fd) noexcept;

  int wait(std::span<epoll_event> events, std::chrono::milliseconds limit) const noexcept;
  void dispatch(std::uint64_t tag, std::uint32_t events);
  void run_deadlines(TimePoint now);
  // Of the earliest deadline; max() without any.
  TimePoint next_deadline() const;

  static constexpr std::uint64_t kFirstSession = 1u << 16;

 private:
  struct Seat {
    std::unique_ptr<Session> session;
    std::uint32_t generation = 0;
  };

  UniqueFd epoll_;
  std::vector<Seat> seats_;
  std::vector<std::uint32_t> free_;
  std::size_t live_ = 0;
  std::set<std::pair<TimePoint, SessionId>> deadlines_;
  std::vector<std::unique_ptr<Session>> graveyard_;
  std::function<void(const Session&)> gone_;
};

}  // namespace labctl::server
