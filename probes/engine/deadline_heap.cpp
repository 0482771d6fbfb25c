#include "probes/engine/deadline_heap.hpp"

namespace labctl::engine {

DeadlineHeap::DeadlineHeap(std::size_t slots) : heap_(slots), places_(slots, kAbsent) {}

void DeadlineHeap::place(std::size_t at, const Entry& entry) noexcept {
  heap_[at] = entry;
  places_[entry.slot] = static_cast<std::uint32_t>(at);
}

void DeadlineHeap::sift_up(std::size_t at, const Entry& entry) noexcept {
  while (at > 0 && entry.due < heap_[(at - 1) / 2].due) {
    place(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  place(at, entry);
}

void DeadlineHeap::sift_down(std::size_t at, const Entry& entry) noexcept {
  for (std::size_t child = 2 * at + 1; child < size_; child = 2 * at + 1) {
    if (child + 1 < size_ && heap_[child + 1].due < heap_[child].due) {
      ++child;
    }
    if (!(heap_[child].due < entry.due)) {
      break;
    }
    place(at, heap_[child]);
    at = child;
  }
  place(at, entry);
}

void DeadlineHeap::set(std::uint32_t slot, Time due) noexcept {
  remove(slot);
  sift_up(size_++, Entry{due, slot});
}

void DeadlineHeap::remove(std::uint32_t slot) noexcept {
  const std::uint32_t at = places_[slot];
  if (at == kAbsent) {
    return;
  }
  places_[slot] = kAbsent;
  const Entry last = heap_[--size_];
  if (at == size_) {
    return;
  }
  if (at > 0 && last.due < heap_[(at - 1) / 2].due) {
    sift_up(at, last);
  } else {
    sift_down(at, last);
  }
}

}  // namespace labctl::engine
