#include "probes/engine/result.hpp"

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

void Result::begin(std::size_t new_index, const Probe& new_probe) {
  index = new_index;
  probe = &new_probe;
  tries = 0;
  begin_sequence();
}

void Result::begin_sequence() {
  outcome = probes::Outcome::Inconclusive;
  outcomes = {};
  backend.clear();
  source.reset();
  source_port = 0;
  rtt_us_min = rtt_us_avg = rtt_us_max = 0;
  responses.clear();
  http.clear();
  if (!dns.rcode.empty() || !dns.reason.empty()) {
    dns = {};
  }
  reason.clear();
}

}  // namespace labctl::engine
