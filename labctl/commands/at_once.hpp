#pragma once

// The same for many labs at once, so that one which does not answer does not hold up the others.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace labctl::commands {

// Calls `work` with 0 to `count` - 1, on up to 64 threads, and returns when all are done. It must not throw.
inline void for_each_at_once(size_t count, const std::function<void(size_t)>& work) {
  constexpr size_t kThreadsMost = 64;
  std::atomic<size_t> next{0};
  const auto take = [&] {
    for (size_t i = next++; i < count; i = next++) {
      work(i);
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(count, kThreadsMost); ++i) {
    threads.emplace_back(take);
  }
  take();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace labctl::commands
