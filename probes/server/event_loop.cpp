#include "probes/server/event_loop.hpp"

#include "topology/base/error.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace labctl::server {
namespace {

// The generation above, the seat below, both from 1 on: such a number is never a foreign tag.
SessionId make_id(std::size_t seat, std::uint32_t generation) {
  return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(seat);
}

}  // namespace

Mailbox::Mailbox() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) {
    throw Error::from_errno(errno, "built-in server: eventfd");
  }
}

void Mailbox::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (event_) {
    work_.push_back(std::move(work));
    wake_locked();
  }
}

void Mailbox::post(std::vector<Accepted> connections) {
  if (connections.empty()) {
    return;
  }
  const std::lock_guard lock(mutex_);
  if (event_) {
    std::move(connections.begin(), connections.end(), std::back_inserter(connections_));
    wake_locked();
  }
}

void Mailbox::wake() noexcept {
  const std::lock_guard lock(mutex_);
  wake_locked();
}

void Mailbox::wake_locked() noexcept {
  if (event_ && !woken_) {
    woken_ = true;
    const std::uint64_t one = 1;
    // Cannot fail: the counter is far from full.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  }
}

void Mailbox::take(std::vector<std::function<void()>>& work, std::vector<Accepted>& connections) {
  const std::lock_guard lock(mutex_);
  if (woken_) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
    woken_ = false;
  }
  work = std::exchange(work_, {});
  connections = std::exchange(connections_, {});
}

void Mailbox::close() {
  std::vector<std::function<void()>> work;  // destroyed without the lock: it may own anything
  const std::lock_guard lock(mutex_);
  work.swap(work_);
  connections_.clear();
  event_.reset();
}

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) {
    throw Error::from_errno(errno, "built-in server: epoll_create1");
  }
}

Session& EventLoop::add(std::unique_ptr<Session> session) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(seats_.size()));
    seats_.emplace_back();
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  Seat& seat = seats_[number];
  seat.session = std::move(session);
  seat.session->id_ = make_id(number, ++seat.generation);
  ++live_;
  return *seat.session;
}

Session* EventLoop::find(SessionId id) const noexcept {
  const auto number = static_cast<std::uint32_t>(id);
  if (number >= seats_.size() || seats_[number].generation != id >> 32) {
    return nullptr;
  }
  return seats_[number].session.get();
}

void EventLoop::watch(Session& session, std::uint32_t events) {
  assert(session.fd_);
  if (session.in_epoll_ && session.watched_ == events) {
    return;
  }
  epoll_event event{};
  event.events = events;
  event.data.u64 = session.id_;
  const int what = session.in_epoll_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_.get(), what, session.fd_.get(), &event) != 0) {
    // Out of watches (fs.epoll.max_user_watches) or memory: without events the session would never end.
    remove(session);
    return;
  }
  session.in_epoll_ = true;
  session.watched_ = events;
}

void EventLoop::set_fd(Session& session, UniqueFd fd) {
  session.fd_ = std::move(fd);  // closing took the old one out of epoll
  session.in_epoll_ = false;
  session.watched_ = 0;
}

void EventLoop::set_deadline(Session& session, TimePoint deadline) {
  session.deadline_ = deadline;
  // A later deadline waits in the queue under its earlier time: most are
  // moved on many times before one comes.
  if (deadline < session.queued_) {
    deadlines_.erase({session.queued_, session.id_});
    session.queued_ = deadline;
    deadlines_.insert({deadline, session.id_});
  }
}

void EventLoop::remove(Session& session) {
  if (session.removed_) {
    return;
  }
  session.removed_ = true;
  session.fd_.reset();
  if (session.queued_ != TimePoint::max()) {
    deadlines_.erase({session.queued_, session.id_});
  }
  const auto number = static_cast<std::uint32_t>(session.id_);
  graveyard_.push_back(std::move(seats_[number].session));
  free_.push_back(number);
  --live_;
  if (gone_) {
    gone_(session);
  }
}

void EventLoop::remove_if(const std::function<bool(const Session&)>& chosen) {
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seats_[i].session && chosen(*seats_[i].session)) {
      remove(*seats_[i].session);
    }
  }
}

void EventLoop::watch_foreign(int fd, std::uint64_t tag) {
  assert(tag < kFirstSession);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0 && errno != EEXIST) {
    throw Error::from_errno(errno, "built-in server: epoll_ctl");
  }
}

void EventLoop::unwatch_foreign(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

int EventLoop::wait(std::span<epoll_event> events, std::chrono::milliseconds limit) const noexcept {
  return ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                      static_cast<int>(limit.count()));
}

void EventLoop::dispatch(std::uint64_t tag, std::uint32_t events) {
  if (Session* session = find(tag)) {
    session->on_ready(events);
  }
}

void EventLoop::run_deadlines(TimePoint now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const SessionId id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    Session* session = find(id);
    assert(session != nullptr);
    session->queued_ = TimePoint::max();
    if (session->deadline_ > now) {
      set_deadline(*session, session->deadline_);
      continue;
    }
    session->deadline_ = TimePoint::max();
    session->on_deadline();
  }
}

TimePoint EventLoop::next_deadline() const {
  return deadlines_.empty() ? TimePoint::max() : deadlines_.begin()->first;
}

}  // namespace labctl::server
