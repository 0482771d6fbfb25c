#pragma once

// Holds probes of one destination back when too many are on their way to it.
//
// Programs other than the built-in server have queues of their own length: 128 connections, or some 280 small
// datagrams, is what the kernel's defaults give. What does not fit is dropped, and would be reported as loss.
// So only so many probes may be unanswered at one destination; after a while they count as taken or lost, so
// that a destination that drops everything slows a run down a little and does not stop it.
//
// Shared by all workers of an engine; nothing here waits, locks or allocates. Destinations share buckets by
// chance, which at worst holds back a probe that need not be.

#include "topology/base/ip_address.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace labctl::engine {

class Pace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Bucket = std::uint16_t;

  static constexpr std::uint32_t kMost = 64;
  static constexpr std::chrono::milliseconds kWindow{20};

  static Bucket bucket_of(const IpAddress& address, std::uint16_t port) noexcept;

  bool is_full(Bucket bucket) const noexcept {
    return windows_[bucket].unanswered.load(std::memory_order_relaxed) >= kMost;
  }
  // Whether one more may start at `now`. If not, ask again at held_until(), or after an end().
  bool admits(Bucket bucket, Time now) noexcept;
  Time held_until(Bucket bucket) const noexcept;
  // One has started, or was answered in a way that takes it out of the destination's queue.
  void begin(Bucket bucket, Time now) noexcept;
  void end(Bucket bucket) noexcept;

 private:
  static constexpr std::size_t kBuckets = 1024;
  struct Window {
    std::atomic<std::uint32_t> unanswered = 0;
    std::atomic<Time::rep> until = 0;  // of the steady clock
  };
  std::array<Window, kBuckets> windows_;
};

}  // namespace labctl::engine
