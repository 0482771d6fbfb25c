#include "probes/engine/pace.hpp"

namespace labctl::engine {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// FNV-1a over the address and the port.
Pace::Bucket Pace::bucket_of(const IpAddress& address, std::uint16_t port) noexcept {
  std::uint32_t hash = 2166136261u;
  const auto add = [&](std::uint8_t byte) { hash = (hash ^ byte) * 16777619u; };
  for (std::size_t i = 0; i < address.size(); ++i) {
    add(address.bytes()[i]);
  }
  add(static_cast<std::uint8_t>(port >> 8));
  add(static_cast<std::uint8_t>(port));
  return static_cast<Bucket>((hash ^ hash >> 16) % kBuckets);
}

bool Pace::admits(Bucket bucket, Time now) noexcept {
  Window& window = windows_[bucket];
  if (window.unanswered.load(kRelaxed) < kMost) {
    return true;
  }
  const Time::rep at = now.time_since_epoch().count();
  Time::rep until = window.until.load(kRelaxed);
  if (at < until) {
    return false;
  }
  // One of those that see the end of the window begins the next; the others go by that one's count.
  const Time::rep next = (now + kWindow).time_since_epoch().count();
  if (window.until.compare_exchange_strong(until, next, kRelaxed)) {
    window.unanswered.store(0, kRelaxed);
  }
  return window.unanswered.load(kRelaxed) < kMost;
}

Pace::Time Pace::held_until(Bucket bucket) const noexcept {
  return Time(Time::duration(windows_[bucket].until.load(kRelaxed)));
}

void Pace::begin(Bucket bucket, Time now) noexcept {
  Window& window = windows_[bucket];
  if (window.unanswered.fetch_add(1, kRelaxed) == 0) {
    window.until.store((now + kWindow).time_since_epoch().count(), kRelaxed);
  }
}

void Pace::end(Bucket bucket) noexcept {
  Window& window = windows_[bucket];
  std::uint32_t count = window.unanswered.load(kRelaxed);
  while (count > 0 && !window.unanswered.compare_exchange_weak(count, count - 1, kRelaxed)) {
  }
}

}  // namespace labctl::engine
