// Worker: waiting. Events of sockets, deadlines, and what each means for a try.

#include "probes/engine/worker.hpp"
#include "topology/base/duration.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace labctl::engine {
namespace {

using probes::Outcome;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A connection that is up here shows up in the other side's accept queue within
// microseconds, unless it is elsewhere.
constexpr milliseconds kClaimPause{2};
constexpr std::uint8_t kClaimTries = 25;
constexpr int kEventsAtOnce = 256;

}  // namespace

// Until the first deadline. Every probe that waits has one: without any there is nothing to wait for.
int Worker::block_ms() const noexcept {
  if (timers_.empty()) {
    return 0;
  }
  const Time due = is_held_back_ ? std::min(timers_.first_due(), held_until_) : timers_.first_due();
  const auto left = duration_cast<microseconds>(due - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>((left + 999) / 1000, 0, 60'000));
}

// Handles what is there after at most `timeout_ms`, until a cancel; how many events there were.
int Worker::take_events(int timeout_ms) noexcept {
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, timeout_ms);
  for (int i = 0; i < count && !is_cancelled(); ++i) {
    on_event(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
  }
  return count;
}

void Worker::wait_for_events(bool may_block) noexcept {
  if (quiet_) {
    quiet_->drain();
  }
  if (const int timeout_ms = may_block ? block_ms() : 0; timeout_ms != 0) {
    // Others have connections to the server too, and ours may need its answer.
    if (claims_expected_ == 0) {
      quiet(false);
    }
    take_events(timeout_ms);
  }
  // Whatever had arrived by `now` is seen before deadlines are judged by it: no
  // loss is reported for being late here.
  const Time now = steady_clock::now();
  while (take_events(0) == kEventsAtOnce && !is_cancelled()) {
  }
  expire(now);
}

void Worker::on_event(std::uint64_t key, std::uint32_t events) noexcept {
  if (key == kStopKey) {
    return;  // the loop looks at the flag
  }
  if ((key & kSocketKey) != 0) {
    const auto index = static_cast<std::uint32_t>(key);
    if (sockets_[index]->fd) {
      on_socket(*sockets_[index], index, events);
    }
    return;
  }
  Slot& slot = slots_[static_cast<std::uint32_t>(key)];
  if (slot.generation != key >> 32) {
    return;  // an event of a try that ended earlier in this very round
  }
  if (slot.phase == Phase::Connecting) {
    on_connecting(slot, events);
  } else if (slot.phase == Phase::Asking || slot.phase == Phase::Exchanging) {
    on_exchange(slot, events);
  }
}

void Worker::expire(Time now) noexcept {
  while (!timers_.empty() && timers_.first_due() <= now && !is_cancelled()) {
    Slot& slot = slots_[timers_.first_slot()];
    timers_.remove(index_of(slot));
    on_timer(slot, now);
  }
}

void Worker::on_timer(Slot& slot, Time now) noexcept {
  switch (slot.phase) {
    case Phase::Pausing:
      if (slot.result.outcomes.total() > 0 &&
          slot.done_in_sequence >= std::max(1u, slot.result.probe->count)) {
        slot.result.begin_sequence();
        slot.done_in_sequence = 0;
        slot.rtt_us_sum = 0;
      }
      push_ready(slot);
      return;
    case Phase::Claiming:
      if (claim(slot) || slot.phase != Phase::Claiming) {
        return;
      }
      if (++slot.claim_tries < kClaimTries && now < slot.deadline) {
        set_timer(slot, now + kClaimPause);
        return;
      }
      reason_ = "connected, but who answered is not known";
      finish(slot, Outcome::Ok);
      return;
    case Phase::Asking:
      reason_ = "connected, but the other side did not say who it is";
      finish(slot, Outcome::Ok);
      return;
    case Phase::Connecting:
      on_connect_timer(slot, now);
      return;
    case Phase::Awaiting:
      time_out(slot, "no answer");
      return;
    case Phase::Exchanging:
      time_out(slot, slot.asks_dns ? "no reply" : "connected, but no full reply");
      return;
    case Phase::Idle:
    case Phase::Ready:
      return;
  }
}

void Worker::time_out(Slot& slot, std::string_view what) noexcept {
  reason_.assign(what).append(" within ");
  reason_ += slot.asks_dns && slot.result.probe->dns_search ? dns_patience(slot)
                                                            : to_string(slot.result.probe->timeout);
  finish(slot, Outcome::Timeout);
}

bool Worker::poll_for(Slot& slot, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{slot.generation} << 32 | index_of(slot);
  if (::epoll_ctl(epoll_.get(), slot.is_polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, slot.fd.get(), &event) != 0) {
    describe_errno("watch socket", errno, reason_);
    finish(slot, Outcome::Inconclusive);
    return false;
  }
  polled_ += slot.is_polled ? 0 : 1;
  slot.is_polled = true;
  return true;
}

}  // namespace labctl::engine
