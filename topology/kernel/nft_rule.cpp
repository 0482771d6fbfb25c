#include "topology/kernel/nft_rule.hpp"

#include "topology/kernel/netfilter_message.hpp"

#include <netinet/in.h>  // before linux/netfilter.h, which has the same in words of its own

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include <array>

namespace labctl::kernel {
namespace {

namespace nf = netfilter;

// Offsets in the headers (RFC 791, RFC 8200; ports of TCP, UDP and SCTP alike).
constexpr std::uint32_t kIpv4Source = 12, kIpv4Destination = 16;
constexpr std::uint32_t kIpv6Source = 8, kIpv6Destination = 24;
constexpr std::uint32_t kDestinationPort = 2;

// Registers of the verdict and of 16 bytes come before those of 4.
constexpr std::uint32_t kFirstRegister = NFT_REG32_00;

std::uint32_t address_size(Family family) { return family == Family::IPv4 ? 4 : 16; }

template <typename T>
std::span<const std::byte> raw_bytes(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

std::array<std::uint8_t, 16> mask_of(const Prefix& prefix) {
  std::array<std::uint8_t, 16> mask{};
  for (int bit = 0; bit < prefix.length(); ++bit) {
    mask[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80U >> (bit % 8U));
  }
  return mask;
}

}  // namespace

void NftRule::begin(std::string_view expression) {
  element_ = nf::start_nest(expressions_, NFTA_LIST_ELEM);
  nf::put_text(expressions_, NFTA_EXPR_NAME, expression);
  data_ = nf::start_nest(expressions_, NFTA_EXPR_DATA);
}

void NftRule::end() {
  nf::end_nest(expressions_, data_);
  nf::end_nest(expressions_, element_);
}

void NftRule::number(int attribute, std::uint32_t value) { nf::put_number(expressions_, attribute, value); }

void NftRule::register_at(int attribute, int index) {
  number(attribute, kFirstRegister + static_cast<std::uint32_t>(index));
}

void NftRule::data(int attribute, std::span<const std::byte> value) {
  const std::size_t nest = nf::start_nest(expressions_, attribute);
  nf::put_attribute(expressions_, NFTA_DATA_VALUE, value);
  nf::end_nest(expressions_, nest);
}

void NftRule::load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size, int to) {
  begin("payload");
  register_at(NFTA_PAYLOAD_DREG, to);
  number(NFTA_PAYLOAD_BASE, base);
  number(NFTA_PAYLOAD_OFFSET, offset);
  number(NFTA_PAYLOAD_LEN, size);
  end();
}

// With what begins at register 0.
void NftRule::compare(int operation, std::span<const std::byte> value) {
  begin("cmp");
  register_at(NFTA_CMP_SREG, 0);
  number(NFTA_CMP_OP, static_cast<std::uint32_t>(operation));
  data(NFTA_CMP_DATA, value);
  end();
}

void NftRule::immediate(std::uint32_t value, int to) {
  begin("immediate");
  register_at(NFTA_IMMEDIATE_DREG, to);
  data(NFTA_IMMEDIATE_DATA, raw_bytes(value));
  end();
}

void NftRule::verdict(int code, std::string_view chain) {
  begin("immediate");
  number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  const std::size_t value = nf::start_nest(expressions_, NFTA_IMMEDIATE_DATA);
  const std::size_t nest = nf::start_nest(expressions_, NFTA_DATA_VERDICT);
  number(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
  if (!chain.empty()) {
    nf::put_text(expressions_, NFTA_VERDICT_CHAIN, chain);
  }
  nf::end_nest(expressions_, nest);
  nf::end_nest(expressions_, value);
  end();
}

NftRule& NftRule::match_family(Family family) {
  begin("meta");
  number(NFTA_META_KEY, NFT_META_NFPROTO);
  register_at(NFTA_META_DREG, 0);
  end();
  const std::uint8_t value = family == Family::IPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  compare(NFT_CMP_EQ, raw_bytes(value));
  return *this;
}

NftRule& NftRule::match_source(const Prefix& prefix, bool is_negated) {
  const std::uint32_t size = address_size(prefix.family());
  load_source(prefix.family(), 0);
  const auto mask = mask_of(prefix);
  const std::array<std::uint8_t, 16> nothing{};
  begin("bitwise");
  register_at(NFTA_BITWISE_SREG, 0);
  register_at(NFTA_BITWISE_DREG, 0);
  number(NFTA_BITWISE_LEN, size);
  data(NFTA_BITWISE_MASK, std::as_bytes(std::span(mask)).first(size));
  data(NFTA_BITWISE_XOR, std::as_bytes(std::span(nothing)).first(size));
  end();
  compare(is_negated ? NFT_CMP_NEQ : NFT_CMP_EQ,
          std::as_bytes(std::span(prefix.address().bytes())).first(size));
  return *this;
}

NftRule& NftRule::match_protocol(std::uint8_t protocol) {
  load_protocol(0);
  compare(NFT_CMP_EQ, raw_bytes(protocol));
  return *this;
}

NftRule& NftRule::match_mark(std::uint32_t mark) {
  begin("meta");
  number(NFTA_META_KEY, NFT_META_MARK);
  register_at(NFTA_META_DREG, 0);
  end();
  compare(NFT_CMP_EQ, raw_bytes(mark));
  return *this;
}

NftRule& NftRule::match_own_source() {
  begin("fib");
  register_at(NFTA_FIB_DREG, 0);
  number(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  number(NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR);
  end();
  const std::uint32_t local = RTN_LOCAL;
  compare(NFT_CMP_EQ, raw_bytes(local));
  return *this;
}

NftRule& NftRule::match_absent(std::string_view set, int key) {
  begin("lookup");
  nf::put_text(expressions_, NFTA_LOOKUP_SET, set);
  register_at(NFTA_LOOKUP_SREG, key);
  number(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  end();
  return *this;
}

NftRule& NftRule::look_up(std::string_view map, int key, int to) {
  begin("lookup");
  nf::put_text(expressions_, NFTA_LOOKUP_SET, map);
  register_at(NFTA_LOOKUP_SREG, key);
  register_at(NFTA_LOOKUP_DREG, to);
  end();
  return *this;
}

NftRule& NftRule::load_source(Family family, int to) {
  load_payload(NFT_PAYLOAD_NETWORK_HEADER, family == Family::IPv4 ? kIpv4Source : kIpv6Source,
               address_size(family), to);
  return *this;
}

NftRule& NftRule::load_destination(Family family, int to) {
  load_payload(NFT_PAYLOAD_NETWORK_HEADER, family == Family::IPv4 ? kIpv4Destination : kIpv6Destination,
               address_size(family), to);
  return *this;
}

NftRule& NftRule::load_protocol(int to) {
  begin("meta");
  number(NFTA_META_KEY, NFT_META_L4PROTO);
  register_at(NFTA_META_DREG, to);
  end();
  return *this;
}

NftRule& NftRule::load_destination_port(int to) {
  load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPort, 2, to);
  return *this;
}

NftRule& NftRule::draw(std::uint32_t count, std::uint32_t offset, int to) {
  begin("numgen");
  register_at(NFTA_NG_DREG, to);
  number(NFTA_NG_MODULUS, count);
  number(NFTA_NG_TYPE, NFT_NG_RANDOM);
  number(NFTA_NG_OFFSET, offset);
  end();
  return *this;
}

NftRule& NftRule::set_mark(std::uint32_t mark) {
  immediate(mark, 0);
  begin("meta");
  number(NFTA_META_KEY, NFT_META_MARK);
  register_at(NFTA_META_SREG, 0);
  end();
  return *this;
}

NftRule& NftRule::set_connection_mark(std::uint32_t mark) {
  immediate(mark, 0);
  begin("ct");
  number(NFTA_CT_KEY, NFT_CT_MARK);
  register_at(NFTA_CT_SREG, 0);
  end();
  return *this;
}

NftRule& NftRule::update(std::string_view map, int key, int value) {
  begin("dynset");
  nf::put_text(expressions_, NFTA_DYNSET_SET_NAME, map);
  number(NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
  register_at(NFTA_DYNSET_SREG_KEY, key);
  register_at(NFTA_DYNSET_SREG_DATA, value);
  end();
  return *this;
}

NftRule& NftRule::translate_destination(Family family, int address, int port) {
  begin("nat");
  number(NFTA_NAT_TYPE, NFT_NAT_DNAT);
  number(NFTA_NAT_FAMILY, family == Family::IPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
  register_at(NFTA_NAT_REG_ADDR_MIN, address);
  register_at(NFTA_NAT_REG_PROTO_MIN, port);
  end();
  return *this;
}

NftRule& NftRule::drop() {
  verdict(NF_DROP, {});
  return *this;
}

NftRule& NftRule::reset() {
  begin("reject");
  number(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
  end();
  return *this;
}

NftRule& NftRule::reject() {
  begin("reject");
  number(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
  const std::uint8_t code = NFT_REJECT_ICMPX_PORT_UNREACH;
  nf::put_attribute(expressions_, NFTA_REJECT_ICMP_CODE, raw_bytes(code));
  end();
  return *this;
}

}  // namespace labctl::kernel
