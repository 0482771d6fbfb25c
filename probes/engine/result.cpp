#include "probes/engine/result.hpp"

#include <algorithm>
#include <cmath>

namespace labctl::engine {

void ResponseTally::add(std::string_view backend) {
  for (std::size_t i = 0; i < size_; ++i) {
    if (entries_[i].backend == backend) {
      ++entries_[i].count;
      return;
    }
  }
  if (size_ == entries_.size()) {
    entries_.emplace_back();
  }
  entries_[size_].backend.assign(backend);
  entries_[size_].count = 1;
  ++size_;
}

std::uint32_t Result::rtt_percentile_us(double percent) const {
  if (rtts_us.empty()) {
    return 0;
  }
  std::vector<std::uint32_t> sorted = rtts_us;
  const auto rank = static_cast<size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  const auto nth =
      sorted.begin() + static_cast<std::ptrdiff_t>(std::clamp<size_t>(rank, 1, sorted.size()) - 1);
  std::nth_element(sorted.begin(), nth, sorted.end());
  return *nth;
}

void Result::begin(std::size_t new_index, const Probe& new_probe) {
  index = new_index;
  probe = &new_probe;
  tries = 0;
  begin_sequence();
}

void Result::begin_sequence() {
  outcome = probes::Outcome::Inconclusive;
  outcomes = {};
  address = probe->address;
  backend.clear();
  source.reset();
  source_port = 0;
  rtt_us_min = rtt_us_avg = rtt_us_max = 0;
  rtts_us.clear();
  responses.clear();
  http.clear();
  if (!dns.rcode.empty() || !dns.reason.empty()) {
    dns = {};
  }
  dns_queries.clear();
  reason.clear();
}

}  // namespace labctl::engine
