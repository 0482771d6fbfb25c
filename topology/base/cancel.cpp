#include "topology/base/cancel.hpp"

#include "topology/base/error.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace labctl {
namespace {

UniqueFd open_event() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) {
    throw Error::from_errno(errno, "create eventfd");
  }
  return event;
}

// In the whole milliseconds of poll(2), never too early.
int milliseconds_to(std::optional<std::chrono::steady_clock::time_point> deadline) {
  if (!deadline) {
    return -1;
  }
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT32_MAX));
}

}  // namespace

Cancel::Cancel() : event_(open_event()) {}

void Cancel::request() noexcept {
  requested_.store(true, std::memory_order_release);
  // A full counter is readable too, which is all that is wanted.
  ::eventfd_write(event_.get(), 1);
}

void throw_if_requested(const Cancel* cancel) {
  if (cancel != nullptr && cancel->requested()) {
    throw Error(ErrorKind::Busy, "cancelled");
  }
}

Wakeup::Wakeup() : event_(open_event()) {}

void Wakeup::notify() const noexcept { ::eventfd_write(event_.get(), 1); }

void Wakeup::clear() const noexcept {
  eventfd_t ignored = 0;
  ::eventfd_read(event_.get(), &ignored);
}

Woken wait_readable(int fd, std::optional<std::chrono::steady_clock::time_point> deadline,
                    const Cancel* cancel) noexcept {
  for (;;) {
    const int timeout_ms = milliseconds_to(deadline);
    // A negative descriptor is passed over.
    pollfd entries[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                        {.fd = cancel != nullptr ? cancel->fd() : -1, .events = POLLIN, .revents = 0}};
    const int ready = ::poll(entries, 2, timeout_ms);
    if (entries[1].revents != 0) {
      return Woken::Cancelled;
    }
    if (ready > 0) {
      return Woken::Ready;
    }
    if (ready == 0 && deadline && std::chrono::steady_clock::now() >= *deadline) {
      return Woken::TimedOut;
    }
  }
}

}  // namespace labctl
