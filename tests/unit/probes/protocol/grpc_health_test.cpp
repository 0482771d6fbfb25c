#include "probes/protocol/grpc_health.hpp"

#include "tests/support/http2_frame.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::protocol {
namespace {

using support::http2_frame;

constexpr std::uint8_t kEndHeaders = 4;
constexpr std::uint8_t kEndStream = 1;

// Literal fields that are not indexed, RFC 7541 §6.2.2.
std::string reply_headers(const std::vector<std::pair<std::string, std::string>>& fields,
                          std::uint8_t flags) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    block += static_cast<char>(name.size()) + name;
    block += static_cast<char>(value.size()) + value;
  }
  return http2_frame(1, flags, 1, block);
}

std::string settings() { return http2_frame(4, 0, 0, ""); }
std::string reply_message(const std::string& message) {
  return http2_frame(0, 0, 1, std::string(4, '\0') + static_cast<char>(message.size()) + message);
}
std::string ok_headers() {
  return reply_headers({{":status", "200"}, {"content-type", "application/grpc"}}, kEndHeaders);
}
std::string trailers(const std::string& code, const std::string& message = "") {
  std::vector<std::pair<std::string, std::string>> fields{{"grpc-status", code}};
  if (!message.empty()) {
    fields.emplace_back("grpc-message", message);
  }
  return reply_headers(fields, kEndHeaders | kEndStream);
}

class GrpcHealth : public ::testing::Test {
 protected:
  // In two pieces at every place; all must come to the same.
  void expect_status(const std::string& bytes, std::uint32_t code, const std::string& message,
                     std::uint64_t state) {
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      GrpcHealthCheck check("shop.Cart", "192.0.2.1:5000", "test/1");
      check.take_output();
      check.feed(bytes.substr(0, cut));
      check.take_output();
      ASSERT_EQ(check.feed(bytes.substr(cut)), GrpcHealthCheck::State::Done) << cut << ": " << check.error();
      ASSERT_EQ(check.status().code, code) << cut;
      ASSERT_EQ(check.status().message, message) << cut;
      ASSERT_EQ(check.status().state, state) << cut;
    }
  }
};

TEST_F(GrpcHealth, BeginsWithThePrefaceAndNamesTheService) {
  GrpcHealthCheck check("shop.Cart", "192.0.2.1:5000", "test/1");
  const std::string bytes = check.take_output();
  EXPECT_TRUE(bytes.starts_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  EXPECT_NE(bytes.find(std::string("\0\0\0\0\x0b\x0a\x09shop.Cart", 16)), std::string::npos);
  EXPECT_EQ(check.state(), GrpcHealthCheck::State::Connecting);
  check.feed(settings());
  EXPECT_EQ(check.state(), GrpcHealthCheck::State::Asking);
}

TEST_F(GrpcHealth, StateIsThatOfTheMessage) {
  expect_status(settings() + ok_headers() + reply_message("\x08\x01") + trailers("0"), 0, "",
                GrpcHealthCheck::kServing);
  expect_status(settings() + ok_headers() + reply_message("\x08\x02") + trailers("0"), 0, "", 2);
  // Left out, it is UNKNOWN; other fields are not ours.
  expect_status(settings() + ok_headers() + reply_message("") + trailers("0"), 0, "", 0);
  expect_status(settings() + ok_headers() + reply_message("\x12\x02hi\x08\x03") + trailers("0"), 0, "", 3);
}

TEST_F(GrpcHealth, FailedCallHasItsCodeAndMessage) {
  expect_status(settings() + ok_headers() + trailers("5", "unknown%20service %25"), 5, "unknown service %",
                0);
  // All in one block: the call has failed before it began.
  expect_status(settings() + reply_headers({{":status", "200"},
                                            {"content-type", "application/grpc"},
                                            {"grpc-status", "12"},
                                            {"grpc-message", "unknown service grpc.health.v1.Health"}},
                                           kEndHeaders | kEndStream),
                12, "unknown service grpc.health.v1.Health", 0);
}

TEST_F(GrpcHealth, ServerOfSomethingElseIsToldAsGrpcGoTellsIt) {
  expect_status(settings() + reply_headers({{":status", "404"}, {"content-type", "text/plain"}},
                                           kEndHeaders | kEndStream),
                12, "unexpected HTTP status code received from server: 404", 0);
  expect_status(settings() + reply_headers({{":status", "200"}, {"content-type", "text/html"}},
                                           kEndHeaders | kEndStream),
                2, "received unexpected content-type \"text/html\"", 0);
  expect_status(settings() + http2_frame(3, 0, 1, std::string("\0\0\0\x07", 4)), 14,
                "stream terminated by RST_STREAM with error code: REFUSED_STREAM", 0);
  expect_status(settings() + ok_headers() + reply_message("\x09\x01") + trailers("0"), 13,
                "failed to unmarshal the received message", 0);
}

TEST_F(GrpcHealth, WhatIsNoHttp2Fails) {
  GrpcHealthCheck check("", "192.0.2.1:5000", "test/1");
  check.take_output();
  EXPECT_EQ(check.feed("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
            GrpcHealthCheck::State::Failed);
  EXPECT_FALSE(check.error().empty());
}

TEST_F(GrpcHealth, EndBeforeTheAnswerIsAFailure) {
  GrpcHealthCheck early("", "192.0.2.1:5000", "test/1");
  EXPECT_EQ(early.finish(), GrpcHealthCheck::State::Failed);
  GrpcHealthCheck late("", "192.0.2.1:5000", "test/1");
  late.take_output();
  late.feed(settings());
  EXPECT_EQ(late.finish(), GrpcHealthCheck::State::Done);
  EXPECT_EQ(grpc_code_name(late.status().code), "Unavailable");
}

TEST_F(GrpcHealth, AnswerWithoutEndIsLetGo) {
  GrpcHealthCheck check("", "192.0.2.1:5000", "test/1");
  check.take_output();
  check.feed(settings() + ok_headers());
  GrpcHealthCheck::State state = GrpcHealthCheck::State::Asking;
  for (int i = 0; i < 10 && state == GrpcHealthCheck::State::Asking; ++i) {
    state = check.feed(http2_frame(0, 0, 1, std::string(1000, 'x')));
  }
  EXPECT_EQ(state, GrpcHealthCheck::State::Failed);
}

TEST_F(GrpcHealth, NamesAreThoseOfGrpc) {
  EXPECT_EQ(grpc_code_name(0), "OK");
  EXPECT_EQ(grpc_code_name(16), "Unauthenticated");
  EXPECT_EQ(grpc_code_name(17), "Code(17)");
  EXPECT_EQ(health_state_name(2), "NOT_SERVING");
  EXPECT_EQ(health_state_name(9), "9");
}

}  // namespace
}  // namespace labctl::protocol
