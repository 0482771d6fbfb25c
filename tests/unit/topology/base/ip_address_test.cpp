#include "topology/base/ip_address.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace labctl {
namespace {

TEST(IpAddress, ComesBackAsItsShortestText) {
  EXPECT_EQ(to_string(ip("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(to_string(ip("2001:0DB8:0:0:0:0:0:1")), "2001:db8::1");
  EXPECT_EQ(to_string(ip("::")), "::");
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1:80", "192.0.2.1/24",
                           " 192.0.2.1", "fe80::1%eth0", "2001:db8:::1", "[::1]", "localhost"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("192.0.2.1\0x", 11)));
  EXPECT_FALSE(IpAddress::parse(std::string(1000, '1')));
}

TEST(IpAddress, KnowsItsFamily) {
  EXPECT_EQ(ip("192.0.2.1").family(), Family::IPv4);
  EXPECT_EQ(ip("192.0.2.1").size(), 4u);
  EXPECT_EQ(ip("2001:db8::1").af(), AF_INET6);
  EXPECT_EQ(to_string(Family::IPv6), "IPv6");
}

TEST(IpAddress, PlusCarriesOverBytes) {
  EXPECT_EQ(ip("10.0.0.255").plus(1), ip("10.0.1.0"));
  EXPECT_EQ(ip("10.0.0.0").plus(65536 + 256 + 1), ip("10.1.1.1"));
  EXPECT_EQ(ip("2001:db8::ffff:ffff").plus(1), ip("2001:db8::1:0:0"));
  EXPECT_EQ(ip("2001:db8::1").plus(std::uint64_t{1} << 63), ip("2001:db8::8000:0:0:1"));
}

TEST(IpAddress, PlusWrapsAtTheEnd) {
  EXPECT_EQ(ip("255.255.255.255").plus(1), ip("0.0.0.0"));
  EXPECT_EQ(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").plus(1), ip("::"));
}

TEST(IpAddress, SortsIPv4BeforeIPv6) {
  EXPECT_LT(ip("203.0.113.1"), ip("::1"));
  EXPECT_LT(ip("10.0.0.2"), ip("10.0.0.10"));
}

TEST(IpAddress, GoesThroughSockaddr) {
  for (const char* text : {"192.0.2.7", "2001:db8::7"}) {
    sockaddr_storage storage;
    const socklen_t length = ip(text).to_sockaddr(8080, storage);
    EXPECT_EQ(length, ip(text).family() == Family::IPv4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    EXPECT_EQ(IpAddress::from_sockaddr(storage), ip(text));
    EXPECT_EQ(port_of(storage), 8080);
  }
}

TEST(IpAddress, MappedAddressInSockaddrIsIPv4) {
  sockaddr_storage storage;
  ip("::ffff:192.0.2.7").to_sockaddr(1, storage);
  EXPECT_EQ(IpAddress::from_sockaddr(storage), ip("192.0.2.7"));
}

TEST(IpAddress, OtherSockaddrGivesNothing) {
  sockaddr_storage storage;
  std::memset(&storage, 0, sizeof storage);
  storage.ss_family = AF_UNIX;
  EXPECT_FALSE(IpAddress::from_sockaddr(storage));
  EXPECT_EQ(port_of(storage), 0);
}

TEST(IpAddress, WithPortHasBracketsForIPv6) {
  EXPECT_EQ(to_string(ip("192.0.2.1"), 80), "192.0.2.1:80");
  EXPECT_EQ(to_string(ip("2001:db8::1"), 80), "[2001:db8::1]:80");
}

TEST(IpAddress, NamesAnyAndLoopback) {
  EXPECT_EQ(IpAddress::any(Family::IPv6), ip("::"));
  EXPECT_EQ(IpAddress::loopback(Family::IPv4), ip("127.0.0.1"));
  EXPECT_EQ(IpAddress::loopback(Family::IPv6), ip("::1"));
}

}  // namespace
}  // namespace labctl
