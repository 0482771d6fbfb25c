#include "labctl/api/connection_table.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace labctl::api {
namespace {

bool has_unread(int socket) {
  pollfd entry{.fd = socket, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) != 0;
}

}  // namespace

ConnectionTable::ConnectionTable(Bounds bounds) : bounds_(bounds), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (!epoll_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, ended_.fd(), &event) != 0) {
    throw Error::from_errno(errno, "make an epoll set");
  }
}

bool ConnectionTable::has_room() {
  const std::lock_guard lock(mutex_);
  const auto held =
      std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return !entry.is_done_; });
  return held < bounds_.places + bounds_.beyond;
}

void ConnectionTable::add(UniqueFd socket, const std::function<void(UniqueFd, Entry&)>& serve) {
  UniqueFd duplicate(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!duplicate) {
    throw Error::from_errno(errno, "duplicate a connection");
  }
  const std::lock_guard lock(mutex_);
  const bool has_place = places_taken() < bounds_.places;
  Entry& entry = entries_.emplace_back();
  entry.socket_ = std::move(duplicate);
  entry.has_place_ = has_place;
  // Nothing but its hanging up is waited for, which epoll always tells; once is enough.
  epoll_event event{.events = EPOLLONESHOT, .data = {.ptr = &entry}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, entry.socket_.get(), &event) != 0) {
    const int cause = errno;
    entries_.pop_back();
    throw Error::from_errno(cause, "watch a connection");
  }
  try {
    entry.thread_ = std::thread([this, &entry, serve, fd = std::move(socket)]() mutable {
      serve(std::move(fd), entry);
      leave(entry);
    });
  } catch (const std::system_error& error) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.socket_.get(), nullptr);
    entries_.pop_back();
    throw Error::from_errno(error.code().value(), "start a thread");
  }
}

void ConnectionTable::leave(Entry& entry) {
  const std::lock_guard lock(mutex_);
  // By hand: closing one of two descriptors of a socket does not take it out of the set.
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry.socket_.get(), nullptr);
  entry.socket_.reset();
  entry.is_done_ = true;
  changed_.notify_all();
  ended_.notify();
}

int ConnectionTable::places_taken() const {
  return static_cast<int>(std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return entry.has_place_ && !entry.is_dropped_ && !entry.is_done_;
  }));
}

bool ConnectionTable::has_place(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  return entry.has_place_;
}

void ConnectionTable::begin_idle(Entry& entry) {
  const std::lock_guard lock(mutex_);
  entry.idle_since_ = Clock::now();
  changed_.notify_all();
}

bool ConnectionTable::end_idle(Entry& entry) {
  const std::lock_guard lock(mutex_);
  entry.idle_since_.reset();
  return !entry.is_dropped_;
}

bool ConnectionTable::drop_longest_idle() {
  const Clock::time_point now = Clock::now();
  Entry* longest = nullptr;
  for (Entry& entry : entries_) {
    const bool is_droppable = entry.idle_since_ && entry.has_place_ && !entry.is_dropped_ &&
                              now - *entry.idle_since_ >= bounds_.idle_kept &&
                              !has_unread(entry.socket_.get());
    if (is_droppable && (longest == nullptr || *entry.idle_since_ < *longest->idle_since_)) {
      longest = &entry;
    }
  }
  if (longest == nullptr) {
    return false;
  }
  longest->is_dropped_ = true;
  ::shutdown(longest->socket_.get(), SHUT_RDWR);
  return true;
}

// When an idle connection may be dropped that may not be yet.
std::optional<ConnectionTable::Clock::time_point> ConnectionTable::next_droppable() const {
  std::optional<Clock::time_point> next;
  for (const Entry& entry : entries_) {
    if (entry.idle_since_ && entry.has_place_ && !entry.is_dropped_) {
      const Clock::time_point due = *entry.idle_since_ + bounds_.idle_kept;
      if (due > Clock::now() && (!next || due < *next)) {
        next = due;
      }
    }
  }
  return next;
}

bool ConnectionTable::take_place(Entry& entry, std::chrono::milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  std::unique_lock lock(mutex_);
  while (!entry.has_place_ && !entry.gone_.requested()) {
    if (places_taken() < bounds_.places || drop_longest_idle()) {
      entry.has_place_ = true;
    } else if (Clock::now() >= deadline) {
      return false;
    } else {
      changed_.wait_until(lock, std::min(deadline, next_droppable().value_or(deadline)));
    }
  }
  return entry.has_place_;
}

void ConnectionTable::look_after() {
  ended_.clear();
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  {
    // Entries are removed by remove_ended() only, which is below.
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < count; ++i) {
      if (auto* entry = static_cast<Entry*>(events[static_cast<size_t>(i)].data.ptr); entry != nullptr) {
        entry->gone_.request();
        changed_.notify_all();
      }
    }
  }
  remove_ended();
}

void ConnectionTable::remove_ended() {
  std::list<Entry> ended;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
      const auto next = std::next(it);
      if (it->is_done_) {
        ended.splice(ended.end(), entries_, it);
      }
      it = next;
    }
  }
  for (Entry& entry : ended) {
    entry.thread_.join();
  }
}

void ConnectionTable::end_all() {
  {
    const std::lock_guard lock(mutex_);
    for (Entry& entry : entries_) {
      entry.gone_.request();
      if (entry.socket_) {
        ::shutdown(entry.socket_.get(), SHUT_RDWR);
      }
    }
    changed_.notify_all();
  }
  for (Entry& entry : entries_) {
    entry.thread_.join();
  }
}

}  // namespace labctl::api
