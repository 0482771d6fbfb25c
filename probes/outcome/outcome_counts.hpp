#pragma once

// How often each outcome was seen. A plain value: counters of several workers are added up.

#include "probes/outcome/outcome.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace labctl::probes {

class OutcomeCounts {
 public:
  void add(Outcome outcome, std::uint64_t times = 1) noexcept { counts_[index(outcome)] += times; }
  OutcomeCounts& operator+=(const OutcomeCounts& other) noexcept;

  std::uint64_t operator[](Outcome outcome) const noexcept { return counts_[index(outcome)]; }
  std::uint64_t total() const noexcept;
  // The most frequent outcome other than ok, the earlier in the list if equal; ok if there is no other.
  Outcome worst() const noexcept;

  bool operator==(const OutcomeCounts&) const = default;

 private:
  static std::size_t index(Outcome outcome) noexcept { return static_cast<std::size_t>(outcome); }
  std::array<std::uint64_t, kOutcomeCount> counts_{};
};

// "ok 89990, timeout 10": what was seen at least once, in the order of the list; "none" if nothing was.
std::string to_string(const OutcomeCounts& counts);

}  // namespace labctl::probes
