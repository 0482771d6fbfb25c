#include "probes/engine/cancel.hpp"

#include "topology/base/error.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace labctl::engine {

Cancel::Cancel() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) {
    throw Error::from_errno(errno, "create eventfd");
  }
}

void Cancel::request() noexcept {
  requested_.store(true, std::memory_order_release);
  // A full counter is readable too, which is all that is wanted.
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

}  // namespace labctl::engine
