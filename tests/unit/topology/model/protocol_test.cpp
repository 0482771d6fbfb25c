#include "topology/model/protocol.hpp"

#include <gtest/gtest.h>

namespace labctl::model {
namespace {

TEST(Protocol, NamesComeBack) {
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp}) {
    EXPECT_EQ(parse_protocol(to_string(protocol)), protocol);
  }
}

TEST(Protocol, TakesUpperCaseOnly) {
  EXPECT_FALSE(parse_protocol("tcp"));
  EXPECT_FALSE(parse_protocol(""));
}

}  // namespace
}  // namespace labctl::model
