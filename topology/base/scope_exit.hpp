#pragma once

// Runs a piece of work when a scope is left, unless dismissed. The work must not throw.

#include <utility>

namespace labctl {

template <typename Work>
class ScopeExit {
 public:
  explicit ScopeExit(Work work) : work_(std::move(work)) {}
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;
  ~ScopeExit() {
    if (armed_) {
      work_();
    }
  }
  void dismiss() noexcept { armed_ = false; }

 private:
  Work work_;
  bool armed_ = true;
};

}  // namespace labctl
