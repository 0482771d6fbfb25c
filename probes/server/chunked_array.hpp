#pragma once

// An array that grows without moving: elements are made in chunks, stay where they are until the array goes,
// and may be looked up by any thread while another makes a chunk. Elements guard themselves.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace labctl::server {

template <typename T, std::size_t kChunk, std::size_t kChunks>
class ChunkedArray {
 public:
  static constexpr std::size_t kCapacity = kChunk * kChunks;

  ChunkedArray() = default;
  ChunkedArray(const ChunkedArray&) = delete;
  ChunkedArray& operator=(const ChunkedArray&) = delete;
  ~ChunkedArray() {
    for (auto& chunk : chunks_) {
      delete[] chunk.load(std::memory_order_relaxed);
    }
  }

  // Null if nobody made it.
  T* find(std::size_t index) const noexcept {
    if (index >= kCapacity) {
      return nullptr;
    }
    T* chunk = chunks_[index / kChunk].load(std::memory_order_acquire);
    return chunk == nullptr ? nullptr : chunk + index % kChunk;
  }
  // One maker at a time. Precondition: index < kCapacity.
  T& make(std::size_t index) {
    auto& chunk = chunks_[index / kChunk];
    if (chunk.load(std::memory_order_relaxed) == nullptr) {
      chunk.store(new T[kChunk](), std::memory_order_release);
    }
    return chunk.load(std::memory_order_relaxed)[index % kChunk];
  }

 private:
  std::array<std::atomic<T*>, kChunks> chunks_{};
};

}  // namespace labctl::server
