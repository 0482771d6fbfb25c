#pragma once

// What failed in a control loop, and when it may be tried again: workloads by their key, longer each time;
// other work by what puts it back where it was found.
//
// Threads: the store's.

#include "labctl/store/change.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>

namespace labctl::controllers {

class Retries {
 public:
  using Time = std::chrono::system_clock::time_point;

  // It failed, once more: when it may be tried again, as pause_after() says.
  Time note_failure(const store::Key& key, Time now);
  // It did not fail, or is another one now.
  void forget(const store::Key& key) { failing_.erase(key); }
  // Until when it is to be left alone; nothing if it may be tried.
  std::optional<Time> held_until(const store::Key& key, Time now) const;

  // Calls `put_back` from call_due(), kTryAgainAfter from `now`.
  void put_back_later(Time now, std::function<void()> put_back);
  void call_due(Time now);
  // When call_due() has something to call.
  std::optional<Time> next() const;

  static constexpr std::chrono::seconds kTryAgainAfter{5};

 private:
  struct Failing {
    int times = 0;  // in a row
    Time again_at{};
  };
  std::map<store::Key, Failing> failing_;
  std::multimap<Time, std::function<void()>> later_;
};

}  // namespace labctl::controllers
