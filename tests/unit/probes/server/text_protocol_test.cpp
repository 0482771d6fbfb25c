#include "probes/server/text_protocol.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace labctl::server {
namespace {

std::string ask(Service service, std::string_view request, std::size_t room = 2048) {
  std::array<char, 2048> out;
  const TextService by{"pod/default/a", "a", service, "fixed"};
  const std::size_t length =
      answer_text(by, request, *IpAddress::parse("10.0.0.9"), 4711, std::span<char>(out).first(room));
  return std::string(out.data(), length);
}

TEST(TextProtocol, AnswersTheThreeWords) {
  EXPECT_EQ(ask(Service::NetexecText, "hostname"), "a");
  EXPECT_EQ(ask(Service::NetexecText, " HostName\n"), "a");
  EXPECT_EQ(ask(Service::NetexecText, "clientip"), "10.0.0.9:4711");
  EXPECT_EQ(ask(Service::NetexecText, "echo Some Text"), "Some Text");
}

TEST(TextProtocol, SaysNothingToTheRest) {
  EXPECT_EQ(ask(Service::NetexecText, ""), "");
  EXPECT_EQ(ask(Service::NetexecText, "echo"), "");
  EXPECT_EQ(ask(Service::NetexecText, "hostnames"), "");
}

TEST(TextProtocol, FixedServicesAnswerAnything) {
  EXPECT_EQ(ask(Service::HostnameText, "\x01\x02"), "a");
  EXPECT_EQ(ask(Service::FixedText, "x"), "fixed");
}

TEST(TextProtocol, EveryServiceAnswersTheProbe) {
  for (const Service service : {Service::NetexecText, Service::HostnameText, Service::FixedText}) {
    EXPECT_EQ(ask(service, "labctl-probe 17"), "labctl-probe 17 pod/default/a 10.0.0.9:4711");
  }
  EXPECT_EQ(ask(Service::NetexecText, "labctl-probe " + std::string(65, 'x')), "");
}

TEST(TextProtocol, AnswersAreCutToTheRoomThereIs) {
  EXPECT_EQ(ask(Service::NetexecText, "echo abcdef", 3), "abc");
  EXPECT_EQ(ask(Service::NetexecText, "hostname", 0), "");
}

TEST(TextProtocol, EndpointsOfBothFamilies) {
  std::array<char, 64> out;
  const auto text = [&](const char* address) {
    return std::string(out.data(), write_endpoint(*IpAddress::parse(address), 80, out));
  };
  EXPECT_EQ(text("10.0.0.1"), "10.0.0.1:80");
  EXPECT_EQ(text("2001:db8::1"), "[2001:db8::1]:80");
}

}  // namespace
}  // namespace labctl::server
