#include "topology/base/ip_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace labctl {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int family_bits(Family family) { return family == Family::IPv4 ? 32 : 128; }

IpAddress masked(const IpAddress& address, int length) {
  auto bytes = address.bytes();
  for (size_t i = 0; i < address.size(); ++i) {
    const int keep = std::clamp(length - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00 >> keep));
  }
  return IpAddress::from_bytes(address.family(), bytes.data());
}

}  // namespace

std::string_view to_string(Family family) { return family == Family::IPv4 ? "IPv4" : "IPv6"; }

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string owned(text);
  IpAddress address;
  if (::inet_pton(AF_INET, owned.c_str(), address.bytes_.data()) == 1) {
    return address;
  }
  address.family_ = Family::IPv6;
  if (::inet_pton(AF_INET6, owned.c_str(), address.bytes_.data()) == 1) {
    return address;
  }
  return std::nullopt;
}

IpAddress IpAddress::from_bytes(Family family, const std::uint8_t* bytes) {
  IpAddress address;
  address.family_ = family;
  std::memcpy(address.bytes_.data(), bytes, address.size());
  return address;
}

std::optional<IpAddress> IpAddress::from_sockaddr(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return from_bytes(Family::IPv4, reinterpret_cast<const std::uint8_t*>(&v4.sin_addr));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    const auto* bytes = v6.sin6_addr.s6_addr;
    if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes)) {
      return from_bytes(Family::IPv4, bytes + 12);
    }
    return from_bytes(Family::IPv6, bytes);
  }
  return std::nullopt;
}

IpAddress IpAddress::any(Family family) {
  IpAddress address;
  address.family_ = family;
  return address;
}

IpAddress IpAddress::loopback(Family family) {
  IpAddress address = any(family);
  if (family == Family::IPv4) {
    address.bytes_[0] = 127;
    address.bytes_[3] = 1;
  } else {
    address.bytes_[15] = 1;
  }
  return address;
}

IpAddress IpAddress::plus(std::uint64_t offset) const {
  IpAddress sum = *this;
  for (size_t i = size(); i-- > 0 && offset != 0;) {
    const std::uint64_t digit = bytes_[i] + (offset & 0xff);
    sum.bytes_[i] = static_cast<std::uint8_t>(digit);
    offset = (offset >> 8) + (digit >> 8);
  }
  return sum;
}

socklen_t IpAddress::to_sockaddr(std::uint16_t port, sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof out);
  if (family_ == Family::IPv4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, bytes_.data(), 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, bytes_.data(), 16);
  return sizeof v6;
}

std::string to_string(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(address.af(), address.bytes().data(), text, sizeof text);
  return text;
}

std::string to_string(const IpAddress& address, std::uint16_t port) {
  const std::string host = to_string(address);
  return (address.family() == Family::IPv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

Prefix::Prefix(const IpAddress& address, int length) : address_(masked(address, length)), length_(length) {}

std::optional<Prefix> Prefix::parse(std::string_view text, bool strict) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto address = IpAddress::parse(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (!address || error != std::errc() || end != digits.data() + digits.size() || length < 0 ||
      length > family_bits(address->family())) {
    return std::nullopt;
  }
  const Prefix prefix(*address, length);
  if (strict && prefix.address() != *address) {
    return std::nullopt;
  }
  return prefix;
}

bool Prefix::contains(const IpAddress& address) const {
  return address.family() == family() && masked(address, length_) == address_;
}

bool Prefix::overlaps(const Prefix& other) const {
  return length_ <= other.length_ ? contains(other.address_) : other.contains(address_);
}

std::uint64_t Prefix::size() const {
  return host_bits() >= 63 ? std::uint64_t{1} << 63 : std::uint64_t{1} << host_bits();
}

std::optional<Prefix> Prefix::subnet(int length, std::uint64_t n) const {
  const int extra = length - length_;
  if (extra < 63 && n >= (std::uint64_t{1} << extra)) {
    return std::nullopt;
  }
  // Adds n to the bits that end at `length`: shift by whole bytes, then by the rest.
  auto bytes = address_.bytes();
  const int shift = (8 - length % 8) % 8;
  unsigned __int128 carry = static_cast<unsigned __int128>(n) << shift;
  for (int i = (length + 7) / 8 - 1; i >= 0 && carry != 0; --i) {
    carry += bytes[static_cast<size_t>(i)];
    bytes[static_cast<size_t>(i)] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  return Prefix(IpAddress::from_bytes(family(), bytes.data()), length);
}

std::string to_string(const Prefix& prefix) {
  return to_string(prefix.address()) + "/" + std::to_string(prefix.length());
}

const Prefix* prefix_of(const std::vector<Prefix>& prefixes, Family family) {
  const auto found = std::find_if(prefixes.begin(), prefixes.end(),
                                  [&](const Prefix& prefix) { return prefix.family() == family; });
  return found == prefixes.end() ? nullptr : &*found;
}

}  // namespace labctl
