#include "probes/protocol/probe_protocol.hpp"

#include <gtest/gtest.h>

namespace labctl::protocol {
namespace {

TEST(ProbeProtocol, NamesParseInAnyCase) {
  for (const char* name : {"tcp", "udp", "sctp", "icmp", "http", "dns"}) {
    ASSERT_TRUE(parse_probe_protocol(name)) << name;
    EXPECT_EQ(to_string(*parse_probe_protocol(name)), name);
  }
  EXPECT_EQ(parse_probe_protocol("TCP"), ProbeProtocol::Tcp);
  EXPECT_FALSE(parse_probe_protocol("tcpx"));
  EXPECT_FALSE(parse_probe_protocol(""));
}

}  // namespace
}  // namespace labctl::protocol
