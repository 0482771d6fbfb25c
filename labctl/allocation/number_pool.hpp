#pragma once

// The search for a free value in a range that is given out: Service addresses and node ports. Values are
// counted from 0, the first usable one. A range has two bands: whoever asks for no particular value gets one
// of the dynamic band, so that the static band, below it, stays free for those who ask by number
// (https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/). Pure.

#include "topology/base/ip_address.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace labctl::allocation {

// How many values of a range belong to the static band.
std::uint64_t static_band_of_addresses(std::uint64_t addresses);
std::uint64_t static_band_of_ports(std::uint64_t ports);

class NumberPool {
 public:
  NumberPool(std::uint64_t size, std::uint64_t static_band)
      : size_(size), static_band_(static_band < size ? static_band : 0) {}

  void take(std::uint64_t number);
  void give_back(std::uint64_t number);
  void clear() { taken_.clear(); }
  bool is_taken(std::uint64_t number) const;
  std::uint64_t size() const { return size_; }

  // A free value: of the dynamic band the first at or after the place that `seed` means, going round; then
  // of the static band likewise. Nothing when all are taken.
  std::optional<std::uint64_t> free_after(std::uint64_t seed) const;
  std::optional<std::uint64_t> first_free() const { return free_between(0, size_); }

 private:
  std::optional<std::uint64_t> free_between(std::uint64_t first, std::uint64_t end) const;
  std::optional<std::uint64_t> free_in_band(std::uint64_t first, std::uint64_t end, std::uint64_t seed) const;

  std::uint64_t size_;
  std::uint64_t static_band_;
  // Runs of taken values, first to last; no two touch. Costs what is taken, however large the range is.
  std::map<std::uint64_t, std::uint64_t> taken_;
};

// The usable addresses of a range: IPv4 all but network and broadcast address, IPv6 all but the first.
std::uint64_t usable_count(const Prefix& range);
NumberPool address_numbers(const Prefix& range);
// Nothing for an address that is not usable, or too far from the range's start to be counted.
std::optional<std::uint64_t> number_of(const Prefix& range, const IpAddress& address);
IpAddress address_at(const Prefix& range, std::uint64_t number);
// In the range, and neither its network nor its broadcast address.
bool is_usable(const Prefix& range, const IpAddress& address);

}  // namespace labctl::allocation
