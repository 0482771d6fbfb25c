#include "labctl/allocation/number_pool.hpp"

#include <algorithm>
#include <iterator>

namespace labctl::allocation {
namespace {

// Ranges this small have no bands.
constexpr std::uint64_t kNoBands = 16;

std::uint64_t band(std::uint64_t size, std::uint64_t share, std::uint64_t most) {
  return size <= kNoBands ? 0 : std::min(std::max<std::uint64_t>(16, size / share), most);
}

}  // namespace

std::uint64_t static_band_of_addresses(std::uint64_t addresses) { return band(addresses, 16, 256); }
std::uint64_t static_band_of_ports(std::uint64_t ports) { return band(ports, 32, 128); }

void NumberPool::take(std::uint64_t number) {
  if (is_taken(number)) {
    return;
  }
  std::uint64_t first = number, last = number;
  if (const auto above = taken_.find(number + 1); above != taken_.end()) {
    last = above->second;
    taken_.erase(above);
  }
  const auto after = taken_.lower_bound(number);
  if (after != taken_.begin() && std::prev(after)->second + 1 == number) {
    first = std::prev(after)->first;
  }
  taken_[first] = last;
}

void NumberPool::give_back(std::uint64_t number) {
  auto run = taken_.upper_bound(number);
  if (run == taken_.begin() || (--run)->second < number) {
    return;
  }
  const auto [first, last] = *run;
  taken_.erase(run);
  if (first < number) {
    taken_[first] = number - 1;
  }
  if (number < last) {
    taken_[number + 1] = last;
  }
}

bool NumberPool::is_taken(std::uint64_t number) const {
  const auto after = taken_.upper_bound(number);
  return after != taken_.begin() && std::prev(after)->second >= number;
}

std::optional<std::uint64_t> NumberPool::free_between(std::uint64_t first, std::uint64_t end) const {
  const auto after = taken_.upper_bound(first);
  if (after != taken_.begin() && std::prev(after)->second >= first) {
    first = std::prev(after)->second + 1;  // runs do not touch: what follows one is free
  }
  return first < end ? std::optional(first) : std::nullopt;
}

std::optional<std::uint64_t> NumberPool::free_in_band(std::uint64_t first, std::uint64_t end,
                                                      std::uint64_t seed) const {
  if (first >= end) {
    return std::nullopt;
  }
  const std::uint64_t start = first + seed % (end - first);
  const auto found = free_between(start, end);
  return found ? found : free_between(first, start);
}

std::optional<std::uint64_t> NumberPool::free_after(std::uint64_t seed) const {
  const auto found = free_in_band(static_band_, size_, seed);
  return found ? found : free_in_band(0, static_band_, seed);
}

std::uint64_t usable_count(const Prefix& range) {
  const std::uint64_t unusable = range.family() == Family::IPv4 ? 2 : 1;
  return range.size() > unusable ? range.size() - unusable : 0;
}

NumberPool address_numbers(const Prefix& range) {
  return {usable_count(range), static_band_of_addresses(range.size())};
}

std::optional<std::uint64_t> number_of(const Prefix& range, const IpAddress& address) {
  if (!range.contains(address)) {
    return std::nullopt;
  }
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const unsigned difference = address.bytes()[i] - range.address().bytes()[i];
    if (offset > (UINT64_MAX >> 8U)) {
      return std::nullopt;
    }
    offset = (offset << 8U) + difference;
  }
  return offset == 0 || offset > usable_count(range) ? std::nullopt : std::optional(offset - 1);
}

IpAddress address_at(const Prefix& range, std::uint64_t number) { return range.address().plus(number + 1); }

bool is_usable(const Prefix& range, const IpAddress& address) {
  if (!range.contains(address) || address == range.address()) {
    return false;
  }
  return range.family() == Family::IPv6 || address != range.address().plus(range.size() - 1);
}

}  // namespace labctl::allocation
