#pragma once

// Which of a fixed number of slots is due first. A binary heap that knows each slot's place in it, so that a
// slot can be moved or taken out; nothing is allocated after the constructor.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace labctl::engine {

class DeadlineHeap {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // For slots 0 to slots - 1.
  explicit DeadlineHeap(std::size_t slots);

  // Puts the slot in, or moves it.
  void set(std::uint32_t slot, Time due) noexcept;
  // Takes the slot out, if it is in.
  void remove(std::uint32_t slot) noexcept;

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  // Precondition of both: not empty.
  std::uint32_t first_slot() const noexcept { return heap_[0].slot; }
  Time first_due() const noexcept { return heap_[0].due; }

 private:
  struct Entry {
    Time due;
    std::uint32_t slot = 0;
  };
  static constexpr std::uint32_t kAbsent = 0xffffffff;
  void place(std::size_t at, const Entry& entry) noexcept;
  void sift_up(std::size_t at, const Entry& entry) noexcept;
  void sift_down(std::size_t at, const Entry& entry) noexcept;

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> places_;  // by slot
  std::size_t size_ = 0;
};

}  // namespace labctl::engine
