#pragma once

// IP addresses and prefixes of both families as values. Text follows inet_pton(3) and RFC 5952.

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl {

enum class Family { IPv4, IPv6 };
// "IPv4", "IPv6", as Kubernetes writes ipFamilies.
std::string_view to_string(Family family);

class IpAddress {
 public:
  // 0.0.0.0
  IpAddress() = default;

  // Nothing for text that is no address; zone indexes, ports and prefixes are no part of one.
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress from_bytes(Family family, const std::uint8_t* bytes);
  // Nothing unless AF_INET or AF_INET6. An IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes IPv4.
  static std::optional<IpAddress> from_sockaddr(const sockaddr_storage& address);
  static IpAddress any(Family family);
  static IpAddress loopback(Family family);

  Family family() const { return family_; }
  int af() const { return family_ == Family::IPv4 ? AF_INET : AF_INET6; }
  // Network byte order; the first size() bytes count.
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // 4 or 16.
  size_t size() const { return family_ == Family::IPv4 ? 4 : 16; }

  // The address `offset` further on; wraps at the end of the family's space.
  IpAddress plus(std::uint64_t offset) const;
  // Fills `out` and returns its length, as connect(2) and sendto(2) want it.
  socklen_t to_sockaddr(std::uint16_t port, sockaddr_storage& out) const;

  // IPv4 sorts before IPv6.
  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::IPv4;
  std::array<std::uint8_t, 16> bytes_{};
};

std::string to_string(const IpAddress& address);
// "10.0.0.1:80" or "[2001:db8::1]:80".
std::string to_string(const IpAddress& address, std::uint16_t port);
// The port of a socket address, host byte order; 0 if it has none.
std::uint16_t port_of(const sockaddr_storage& address);

class Prefix {
 public:
  // 0.0.0.0/0
  Prefix() = default;
  // Host bits of `address` are cleared. Precondition: 0 <= length <= 32 or 128.
  Prefix(const IpAddress& address, int length);

  // "10.0.0.0/8". Nothing if the address or length is bad; `strict` also refuses host bits.
  static std::optional<Prefix> parse(std::string_view text, bool strict = false);

  const IpAddress& address() const { return address_; }
  int length() const { return length_; }
  Family family() const { return address_.family(); }
  int host_bits() const { return (family() == Family::IPv4 ? 32 : 128) - length_; }
  bool contains(const IpAddress& address) const;
  bool overlaps(const Prefix& other) const;
  // How many addresses; saturates at 2^63.
  std::uint64_t size() const;
  // The n-th sub-prefix of `length`; nothing if there are not so many. Precondition: length >= this length.
  std::optional<Prefix> subnet(int length, std::uint64_t n) const;

  auto operator<=>(const Prefix&) const = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

std::string to_string(const Prefix& prefix);

// The first of them of a family; null when there is none.
const Prefix* prefix_of(const std::vector<Prefix>& prefixes, Family family);

}  // namespace labctl
