#include "labctl/allocation/value_pool.hpp"

#include <charconv>
#include <utility>

namespace labctl::allocation {
namespace {

NumberPool port_numbers(std::uint64_t ports) { return {ports, static_band_of_ports(ports)}; }

}  // namespace

ValuePool::ValuePool(store::Allocations& allocations, std::string name, const Prefix& addresses)
    : allocations_(allocations),
      name_(std::move(name)),
      addresses_(addresses),
      numbers_(address_numbers(addresses)) {
  reload();
}

ValuePool::ValuePool(store::Allocations& allocations, std::string name, std::uint16_t first,
                     std::uint16_t last)
    : allocations_(allocations),
      name_(std::move(name)),
      first_(first),
      last_(last),
      numbers_(port_numbers(last < first ? 0 : std::uint64_t{last} - first + 1)) {
  reload();
}

std::string ValuePool::range_text() const {
  return addresses_ ? to_string(*addresses_) : std::to_string(first_) + "-" + std::to_string(last_);
}

void ValuePool::reload() {
  numbers_.clear();
  const auto take_all = [this](const auto& values) {
    for (const std::string& value : values) {
      if (const auto number = number_in(value)) {
        numbers_.take(*number);
      }
    }
  };
  take_all(allocations_.values(name_));
  take_all(allocations_.held_elsewhere(name_));
}

ValuePool::Claim ValuePool::claim(const std::string& value, std::string_view owner) {
  const auto number = number_in(value);
  const auto address = addresses_ ? IpAddress::parse(value) : std::nullopt;
  if (!number && !(address && is_usable(*addresses_, *address))) {
    return Claim::OutOfRange;
  }
  if (number) {
    numbers_.take(*number);
  }
  return allocations_.claim(name_, value, owner) ? Claim::Made : Claim::Taken;
}

template <typename Propose>
std::optional<std::string> ValuePool::claim_proposed(const Propose& propose, std::string_view owner) {
  // What others gave back is free in the table only: look there before saying that nothing is.
  for (const bool is_last : {false, true}) {
    while (const std::optional<std::uint64_t> number = propose(numbers_)) {
      numbers_.take(*number);
      std::string value = value_at(*number);
      if (allocations_.claim(name_, value, owner)) {
        return value;
      }
    }
    if (!is_last) {
      reload();
    }
  }
  return std::nullopt;
}

std::optional<std::string> ValuePool::claim_any(std::uint64_t seed, std::string_view owner) {
  return claim_proposed([&](const NumberPool& numbers) { return numbers.free_after(seed); }, owner);
}

std::optional<std::string> ValuePool::claim_first(std::string_view owner) {
  return claim_proposed([](const NumberPool& numbers) { return numbers.first_free(); }, owner);
}

void ValuePool::forget(const std::string& value) {
  if (const auto number = number_in(value)) {
    numbers_.give_back(*number);
  }
}

std::optional<std::uint64_t> ValuePool::number_in(const std::string& value) const {
  if (addresses_) {
    const auto address = IpAddress::parse(value);
    return address ? number_of(*addresses_, *address) : std::nullopt;
  }
  std::uint64_t port = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
  const bool is_port = error == std::errc{} && end == value.data() + value.size();
  return is_port && port >= first_ && port <= last_ ? std::optional(port - first_) : std::nullopt;
}

std::string ValuePool::value_at(std::uint64_t number) const {
  return addresses_ ? to_string(address_at(*addresses_, number)) : std::to_string(first_ + number);
}

}  // namespace labctl::allocation
