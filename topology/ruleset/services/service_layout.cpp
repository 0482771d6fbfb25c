#include "topology/ruleset/services/service_layout.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace labctl::ruleset {
namespace {

constexpr std::size_t kCommentMax = 120;  // NFTNL_UDATA_COMMENT_MAXLEN is 128, with its end

std::uint8_t protocol_number(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::Tcp:
      return IPPROTO_TCP;
    case model::Protocol::Udp:
      return IPPROTO_UDP;
    case model::Protocol::Sctp:
      return IPPROTO_SCTP;
  }
  return 0;
}

}  // namespace

void ElementBytes::add(const void* bytes, std::size_t size) {
  const std::size_t padded = (size + 3) / 4 * 4;
  assert(size_ + padded <= bytes_.size());
  std::memcpy(bytes_.data() + size_, bytes, size);
  size_ = static_cast<std::uint8_t>(size_ + padded);
}

void ElementBytes::add_protocol(model::Protocol protocol) {
  const std::uint8_t number = protocol_number(protocol);
  add(&number, 1);
}

void ElementBytes::add_port(std::uint16_t port) {
  const std::uint16_t network = htons(port);
  add(&network, 2);
}

std::vector<Prefix> without_overlaps(std::vector<Prefix> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const Prefix& a, const Prefix& b) { return a.length() < b.length(); });
  std::vector<Prefix> kept;
  for (const Prefix& range : ranges) {
    if (std::none_of(kept.begin(), kept.end(), [&](const Prefix& other) { return other.overlaps(range); })) {
      kept.push_back(range);
    }
  }
  return kept;
}

std::string nft_comment(std::string_view text) {
  std::string comment;
  for (const char c : text.substr(0, kCommentMax)) {
    const bool is_plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    comment += is_plain ? c : '?';
  }
  return comment;
}

}  // namespace labctl::ruleset
