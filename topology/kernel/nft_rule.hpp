#pragma once

// A rule out of the kernel's own expressions, for what libnftables cannot say; see nft(8) and
// linux/netfilter/nf_tables.h. `nft list` shows such a rule as any other.
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

  // Goes on only with packets of the family.
  NftRule& match_family(Family family);
  NftRule& load_destination(Family family, int to);  // 1 or 4 registers
  NftRule& load_protocol(int to);
  NftRule& load_destination_port(int to);
  // A number at random from `offset` to `offset + count - 1`.
  NftRule& draw(std::uint32_t count, std::uint32_t offset, int to);
  // Looks up what begins at the register `key`; goes on only if it is there. The value goes to `to`.
  NftRule& look_up(std::string_view map, int key, int to);
  // To the address and the port in these registers.
  NftRule& translate_destination(Family family, int address, int port);

 private:
  friend class NftBatch;
  void begin(std::string_view expression);
  void number(int attribute, std::uint32_t value);
  void register_at(int attribute, int index);
  void end();

  std::string comment_;
  std::vector<std::byte> expressions_;  // a list of NFTA_LIST_ELEM
  std::size_t element_ = 0;
  std::size_t data_ = 0;
};

}  // namespace labctl::kernel
