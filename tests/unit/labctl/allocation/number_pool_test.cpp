#include "labctl/allocation/number_pool.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace labctl::allocation {
namespace {

struct BandRow {
  const char* range;
  const char* last_static;  // "" when there is no static band
  const char* first_dynamic;
  const char* last_dynamic;
};

// The table of network model §6.1.
constexpr BandRow kBandRows[] = {
    {"10.96.0.0/12", "10.96.1.0", "10.96.1.1", "10.111.255.254"},
    {"192.168.0.0/16", "192.168.1.0", "192.168.1.1", "192.168.255.254"},
    {"10.0.0.0/20", "10.0.1.0", "10.0.1.1", "10.0.15.254"},
    {"10.0.0.0/22", "10.0.0.64", "10.0.0.65", "10.0.3.254"},
    {"10.0.0.0/24", "10.0.0.16", "10.0.0.17", "10.0.0.254"},
    {"10.0.0.0/28", "", "10.0.0.1", "10.0.0.14"},
    {"fd00::/112", "fd00::100", "fd00::101", "fd00::ffff"},
    {"fd00::/120", "fd00::10", "fd00::11", "fd00::ff"},
};

TEST(NumberPool, BandsOfAddressRanges) {
  for (const BandRow& row : kBandRows) {
    const Prefix range = *Prefix::parse(row.range);
    const NumberPool pool = address_numbers(range);
    // Seed 0 is the start of the dynamic band.
    EXPECT_EQ(to_string(address_at(range, *pool.free_after(0))), row.first_dynamic) << row.range;
    EXPECT_EQ(to_string(address_at(range, pool.size() - 1)), row.last_dynamic) << row.range;
    EXPECT_EQ(to_string(address_at(range, 0)), to_string(range.address().plus(1)));
    const std::uint64_t static_band = static_band_of_addresses(range.size());
    EXPECT_EQ(static_band == 0 ? "" : to_string(address_at(range, static_band - 1)), row.last_static);
  }
}

TEST(NumberPool, BandsOfPortRanges) {
  EXPECT_EQ(static_band_of_ports(2768), 86U);
  EXPECT_EQ(static_band_of_ports(12768), 128U);
  EXPECT_EQ(static_band_of_ports(17), 16U);
  EXPECT_EQ(static_band_of_ports(16), 0U);
}

TEST(NumberPool, NumbersOfAddressesAreThoseThatMayBeGiven) {
  const Prefix range = *Prefix::parse("10.0.0.0/28");
  EXPECT_EQ(number_of(range, *IpAddress::parse("10.0.0.1")), 0U);
  EXPECT_EQ(number_of(range, *IpAddress::parse("10.0.0.14")), 13U);
  for (const char* unusable : {"10.0.0.0", "10.0.0.15", "10.0.0.16", "9.255.255.255", "fd00::1"}) {
    EXPECT_EQ(number_of(range, *IpAddress::parse(unusable)), std::nullopt) << unusable;
    EXPECT_FALSE(is_usable(range, *IpAddress::parse(unusable))) << unusable;
  }
  const Prefix wide = *Prefix::parse("fd00::/48");
  EXPECT_TRUE(is_usable(wide, *IpAddress::parse("fd00::ffff:ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(is_usable(wide, *IpAddress::parse("fd00::")));
  EXPECT_TRUE(is_usable(*Prefix::parse("fd00::/120"), *IpAddress::parse("fd00::ff")));
}

TEST(NumberPool, RangesWithNothingUsable) {
  for (const char* range : {"10.0.0.0/32", "10.0.0.0/31", "fd00::/128"}) {
    EXPECT_EQ(address_numbers(*Prefix::parse(range)).free_after(7), std::nullopt) << range;
  }
  EXPECT_EQ(NumberPool(0, 0).free_after(3), std::nullopt);
}

// What network model §6.1 says, with a set and a loop.
std::optional<std::uint64_t> naive_free_after(const std::set<std::uint64_t>& taken, std::uint64_t size,
                                              std::uint64_t band, std::uint64_t seed) {
  for (const auto& [first, end] : {std::pair{band, size}, std::pair{std::uint64_t{0}, band}}) {
    for (std::uint64_t i = 0; i < end - first; ++i) {
      const std::uint64_t candidate = first + (seed % (end - first) + i) % (end - first);
      if (!taken.contains(candidate)) {
        return candidate;
      }
    }
  }
  return std::nullopt;
}

TEST(NumberPool, FindsWhatALoopFinds) {
  std::mt19937_64 random(1);
  int full = 0;
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t size = 1 + random() % 70;
    std::uint64_t band = random() % 3 == 0 ? 0 : random() % (size + 1);
    NumberPool pool(size, band);
    band = band < size ? band : 0;
    std::set<std::uint64_t> taken;
    for (int step = 0; step < 100; ++step) {
      const std::uint64_t seed = random();
      const auto found = pool.free_after(seed);
      ASSERT_EQ(found, naive_free_after(taken, size, band, seed));
      const auto lowest = pool.first_free();
      full += found ? 0 : 1;
      const std::uint64_t other = random() % size;
      ASSERT_EQ(pool.is_taken(other), taken.contains(other));
      ASSERT_EQ(lowest.has_value(), found.has_value());
      if (random() % 3 == 0) {
        pool.give_back(other);
        taken.erase(other);
      } else if (found && random() % 2 == 0) {
        pool.take(*found);
        taken.insert(*found);
      } else {
        pool.take(other);
        taken.insert(other);
      }
    }
  }
  EXPECT_GT(full, 0);
}

TEST(NumberPool, AnEmptiedPoolForgetsItsRuns) {
  NumberPool pool(1000, 0);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    pool.take((i * 7) % 1000);
  }
  EXPECT_EQ(pool.free_after(5), std::nullopt);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    pool.give_back((i * 3) % 1000);
  }
  EXPECT_EQ(pool.free_after(5), 5U);
  EXPECT_EQ(pool.first_free(), 0U);
}

}  // namespace
}  // namespace labctl::allocation
