#pragma once

// Rules out of the kernel's own expressions, to be made in a batch with other changes; see nft(8) and
// linux/netfilter/nf_tables.h. libnftables reads the whole table before it adds a rule, and nft 1.0.6 cannot
// say some of these. `nft list` shows them as any other.
//
// Registers are of 4 bytes and counted from 0 to 15; a longer value takes several. A concatenation is what
// lies in consecutive registers.

#include "topology/base/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::kernel {

class NftRule {
 public:
  explicit NftRule(std::string_view comment) : comment_(comment) {}

  // ---- Matches: the rule ends where one does not hold ----
  NftRule& match_family(Family family);
  NftRule& match_source(const Prefix& prefix, bool is_negated);
  NftRule& match_protocol(std::uint8_t protocol);
  NftRule& match_mark(std::uint32_t mark);
  // The source is an address of this namespace.
  NftRule& match_own_source();
  // What begins at the register `key` is not in the set.
  NftRule& match_absent(std::string_view set, int key);
  // Looks up what begins at the register `key`; the rule ends unless it is there. The value goes to `to`.
  NftRule& look_up(std::string_view map, int key, int to);

  // ---- Values: addresses take 1 register or 4 ----
  NftRule& load_source(Family family, int to);
  NftRule& load_destination(Family family, int to);
  NftRule& load_protocol(int to);
  NftRule& load_destination_port(int to);
  // A number at random from `offset` to `offset + count - 1`.
  NftRule& draw(std::uint32_t count, std::uint32_t offset, int to);

  // ---- Acts ----
  NftRule& set_mark(std::uint32_t mark);
  NftRule& set_connection_mark(std::uint32_t mark);
  // Adds or refreshes an element of a dynamic map.
  NftRule& update(std::string_view map, int key, int data);
  // To the address and the port in these registers.
  NftRule& translate_destination(Family family, int address, int port);
  NftRule& drop();
  // With a segment that says RST; TCP only.
  NftRule& reset();
  // ICMP port unreachable, or ICMPv6's.
  NftRule& reject();

 private:
  friend class NftBatch;
  void begin(std::string_view expression);
  void number(int attribute, std::uint32_t value);
  void register_at(int attribute, int index);
  void data(int attribute, std::span<const std::byte> value);
  void end();
  void load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size, int to);
  void compare(int operation, std::span<const std::byte> value);
  void immediate(std::uint32_t value, int to);
  void verdict(int code, std::string_view chain);

  std::string comment_;
  std::vector<std::byte> expressions_;  // a list of NFTA_LIST_ELEM
  std::size_t element_ = 0;
  std::size_t data_ = 0;
};

}  // namespace labctl::kernel
