#include "probes/outcome/outcome_counts.hpp"

#include <numeric>

namespace labctl::probes {

OutcomeCounts& OutcomeCounts::operator+=(const OutcomeCounts& other) noexcept {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts_[i] += other.counts_[i];
  }
  return *this;
}

std::uint64_t OutcomeCounts::total() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

Outcome OutcomeCounts::worst() const noexcept {
  Outcome worst = Outcome::Ok;
  std::uint64_t most = 0;
  for (const Outcome outcome : kOutcomes) {
    if (outcome != Outcome::Ok && (*this)[outcome] > most) {
      worst = outcome;
      most = (*this)[outcome];
    }
  }
  return worst;
}

std::string to_string(const OutcomeCounts& counts) {
  std::string text;
  for (const Outcome outcome : kOutcomes) {
    if (counts[outcome] > 0) {
      text += (text.empty() ? "" : ", ") + std::string(to_string(outcome)) + ' ' +
              std::to_string(counts[outcome]);
    }
  }
  return text.empty() ? "none" : text;
}

}  // namespace labctl::probes
