#include "topology/kernel/nft_rule.hpp"

#include "topology/kernel/netfilter_message.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

namespace labctl::kernel {
namespace {

namespace nf = netfilter;

// Offsets in the headers (RFC 791, RFC 8200; ports of TCP, UDP and SCTP alike).
constexpr std::uint32_t kIpv4Destination = 16;
constexpr std::uint32_t kIpv6Destination = 24;
constexpr std::uint32_t kDestinationPort = 2;

// Registers of the verdict and of 16 bytes come before those of 4.
constexpr std::uint32_t kFirstRegister = NFT_REG32_00;

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

NftRule& NftRule::match_family(Family family) {
  begin("meta");
  number(NFTA_META_KEY, NFT_META_NFPROTO);
  register_at(NFTA_META_DREG, 0);
  end();
  begin("cmp");
  register_at(NFTA_CMP_SREG, 0);
  number(NFTA_CMP_OP, NFT_CMP_EQ);
  const std::size_t data = nf::start_nest(expressions_, NFTA_CMP_DATA);
  const std::byte value{static_cast<unsigned char>(family == Family::IPv4 ? NFPROTO_IPV4 : NFPROTO_IPV6)};
  nf::put_attribute(expressions_, NFTA_DATA_VALUE, std::span(&value, 1));
  nf::end_nest(expressions_, data);
  end();
  return *this;
}

NftRule& NftRule::load_destination(Family family, int to) {
  const bool is_ipv4 = family == Family::IPv4;
  begin("payload");
  register_at(NFTA_PAYLOAD_DREG, to);
  number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
  number(NFTA_PAYLOAD_OFFSET, is_ipv4 ? kIpv4Destination : kIpv6Destination);
  number(NFTA_PAYLOAD_LEN, is_ipv4 ? 4 : 16);
  end();
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
  begin("payload");
  register_at(NFTA_PAYLOAD_DREG, to);
  number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
  number(NFTA_PAYLOAD_OFFSET, kDestinationPort);
  number(NFTA_PAYLOAD_LEN, 2);
  end();
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

NftRule& NftRule::look_up(std::string_view map, int key, int to) {
  begin("lookup");
  nf::put_text(expressions_, NFTA_LOOKUP_SET, map);
  register_at(NFTA_LOOKUP_SREG, key);
  register_at(NFTA_LOOKUP_DREG, to);
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

}  // namespace labctl::kernel
