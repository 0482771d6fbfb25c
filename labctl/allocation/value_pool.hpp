#pragma once

// One pool of the allocations, with the search in it: memory proposes a value, the table decides.

#include "labctl/allocation/number_pool.hpp"
#include "labctl/store/allocations.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::allocation {

class ValuePool {
 public:
  enum class Claim { Made, Taken, OutOfRange };

  // The addresses of a range, or the ports `first` to `last`. `allocations` must outlive it.
  ValuePool(store::Allocations& allocations, std::string name, const Prefix& addresses);
  ValuePool(store::Allocations& allocations, std::string name, std::uint16_t first, std::uint16_t last);

  const std::string& name() const { return name_; }
  // "10.96.0.0/16", "30000-32767".
  std::string range_text() const;

  Claim claim(const std::string& value, std::string_view owner);
  // Any free value, by NumberPool's rule. Nothing when the pool is full.
  std::optional<std::string> claim_any(std::uint64_t seed, std::string_view owner);
  // The lowest free one.
  std::optional<std::string> claim_first(std::string_view owner);
  // The table's row has gone, or the claim was undone.
  void forget(const std::string& value);
  // Memory becomes what the table says.
  void reload();

 private:
  template <typename Propose>
  std::optional<std::string> claim_proposed(const Propose& propose, std::string_view owner);
  std::optional<std::uint64_t> number_in(const std::string& value) const;
  std::string value_at(std::uint64_t number) const;

  store::Allocations& allocations_;
  std::string name_;
  std::optional<Prefix> addresses_;
  std::uint16_t first_ = 0, last_ = 0;
  NumberPool numbers_;
};

}  // namespace labctl::allocation
