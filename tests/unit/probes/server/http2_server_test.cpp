#include "probes/server/http2_server.hpp"

#include "probes/protocol/grpc_health.hpp"
#include "tests/support/http2_frame.hpp"

#include <gtest/gtest.h>

#include <nghttp2/nghttp2.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::server {
namespace {

using protocol::GrpcHealthCheck;
using support::http2_frame;

std::string h2_request(std::uint32_t stream, const std::string& path, const std::string& type = "",
                       bool is_whole = true) {
  std::string block;
  const auto add = [&](const std::string& name, const std::string& value) {
    block += '\0';
    block += static_cast<char>(name.size()) + name;
    block += static_cast<char>(value.size()) + value;
  };
  add(":method", type.empty() ? "GET" : "POST");
  add(":scheme", "http");
  add(":path", path);
  add(":authority", "x");
  if (!type.empty()) {
    add("content-type", type);
  }
  return http2_frame(1, is_whole ? 5 : 4, stream, block);
}

std::string greeting() { return std::string(kHttp2Preface) + http2_frame(4, 0, 0, ""); }

// What a server says of one stream.
struct H2Reply {
  std::map<std::string, std::string> headers;  // trailers among them
  std::string body;
  bool is_over = false;
};

class H2Reader {
 public:
  H2Reader() { ::nghttp2_hd_inflate_new(&inflater_); }
  ~H2Reader() { ::nghttp2_hd_inflate_del(inflater_); }
  H2Reader(const H2Reader&) = delete;
  H2Reader& operator=(const H2Reader&) = delete;

  void read(std::string_view bytes) {
    while (bytes.size() >= 9) {
      const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
      const std::size_t length = static_cast<std::size_t>(byte(0)) << 16 | byte(1) << 8 | byte(2);
      ASSERT_LE(9 + length, bytes.size());
      const std::string_view payload = bytes.substr(9, length);
      H2Reply& reply = replies[byte(8)];
      if (byte(3) == 1) {
        inflate(payload, reply);
      } else if (byte(3) == 0) {
        reply.body += payload;
      } else if (byte(3) == 7) {
        says_goodbye = true;
      }
      reply.is_over = reply.is_over || (byte(3) <= 1 && (byte(4) & 1) != 0);
      bytes.remove_prefix(9 + length);
    }
  }

  std::map<int, H2Reply> replies;  // by stream
  bool says_goodbye = false;

 private:
  void inflate(std::string_view block, H2Reply& reply) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
      nghttp2_nv field;
      const ssize_t taken = ::nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
      ASSERT_GE(taken, 0);
      at += taken;
      left -= static_cast<std::size_t>(taken);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        reply.headers[{reinterpret_cast<char*>(field.name), field.namelen}] = {
            reinterpret_cast<char*>(field.value), field.valuelen};
      }
    }
    ::nghttp2_hd_inflate_end_headers(inflater_);
  }
  nghttp2_hd_inflater* inflater_ = nullptr;
};

class Http2 : public ::testing::Test {
 protected:
  bool say(const std::string& bytes) {
    const bool goes_on = server.feed(bytes);
    reader.read(server.take_output());
    return goes_on;
  }
  H2Reply& reply(int stream) { return reader.replies[stream]; }

  std::vector<std::string> asked;
  Http2Server server{[this](std::string_view method, std::string_view path, bool is_grpc) {
    asked.push_back(std::string(is_grpc ? "gRPC " : "") + std::string(method) + " " + std::string(path));
    return "web-0";
  }};
  H2Reader reader;
};

TEST_F(Http2, HealthOfEveryServiceIsServing) {
  for (const std::string& service : {std::string(), std::string("shop.Cart"), std::string(300, 's')}) {
    GrpcHealthCheck check(service, "x:1", "test/1");
    Http2Server its([](std::string_view, std::string_view, bool) { return ""; });
    for (int round = 0; round < 10 && check.state() < GrpcHealthCheck::State::Done; ++round) {
      for (const char byte : check.take_output()) {
        ASSERT_TRUE(its.feed({&byte, 1}));
      }
      for (const char byte : its.take_output()) {
        check.feed({&byte, 1});
      }
    }
    ASSERT_EQ(check.state(), GrpcHealthCheck::State::Done) << check.error();
    EXPECT_EQ(check.status().code, 0u);
    EXPECT_EQ(check.status().state, GrpcHealthCheck::kServing);
    EXPECT_TRUE(its.is_idle());
  }
}

TEST_F(Http2, OtherMethodsAreUnimplemented) {
  say(greeting() + h2_request(1, "/shop.Cart/AddItem", "application/grpc+proto", false) +
      h2_request(3, "/grpc.health.v1.Health/List", "application/grpc") +
      h2_request(5, "/x", "application/grpc"));
  EXPECT_EQ(reply(1).headers["grpc-status"], "12");
  EXPECT_EQ(reply(1).headers["grpc-message"], "unknown service shop.Cart");
  EXPECT_TRUE(reply(1).is_over);
  EXPECT_EQ(reply(3).headers["grpc-message"], "unknown method List for service grpc.health.v1.Health");
  EXPECT_EQ(reply(5).headers["grpc-message"], "malformed method name: \"/x\"");
  EXPECT_EQ(asked.front(), "gRPC POST /shop.Cart/AddItem");
}

TEST_F(Http2, WatchSaysServingAndStaysOpen) {
  say(greeting() + h2_request(1, "/grpc.health.v1.Health/Watch", "application/grpc"));
  EXPECT_EQ(reply(1).body, std::string("\0\0\0\0\2\x08\x01", 7));
  EXPECT_FALSE(reply(1).is_over);
  EXPECT_FALSE(server.is_idle());
  EXPECT_TRUE(say(http2_frame(3, 0, 1, std::string("\0\0\0\x08", 4))));  // the client has seen enough
  EXPECT_TRUE(server.is_idle());
}

TEST_F(Http2, OtherRequestsAreAnsweredWithAText) {
  say(greeting() + h2_request(1, "/any/path?at=all"));
  EXPECT_EQ(reply(1).headers[":status"], "200");
  EXPECT_EQ(reply(1).body, "web-0");
  EXPECT_TRUE(reply(1).is_over);
  EXPECT_EQ(asked, std::vector<std::string>{"GET /any/path?at=all"});
}

TEST_F(Http2, StreamsAtOnceAreBounded) {
  std::string many = greeting();
  for (std::uint32_t i = 0; i < 100; ++i) {
    many += h2_request(1 + 2 * i, "/grpc.health.v1.Health/Watch", "application/grpc");
  }
  say(many);
  int served = 0;
  for (const auto& [stream, its] : reader.replies) {
    served += its.body.empty() ? 0 : 1;
  }
  EXPECT_EQ(served, static_cast<int>(Http2Server::kStreamsMax));
}

TEST_F(Http2, HeadersWithoutEndAreLetGo) {
  bool goes_on = say(greeting());
  // Each time the same name and value, of which only the first travels: indexed fields, RFC 7541 §6.1.
  const std::string field = std::string("\x40\x01x\x64", 4) + std::string(100, 'v');
  goes_on =
      goes_on && say(http2_frame(1, 0, 1, h2_request(1, "/").substr(9) + field + std::string(4000, '\xbe')));
  EXPECT_FALSE(goes_on);
}

TEST_F(Http2, BodyWithoutEndIsLetGo) {
  ASSERT_TRUE(say(greeting() + h2_request(1, "/grpc.health.v1.Health/Check", "application/grpc", false)));
  int frames = 0;
  while (frames < 1000 && say(http2_frame(0, 0, 1, std::string(16000, 'x')))) {
    ++frames;
  }
  EXPECT_LE(frames, static_cast<int>(Http2Server::kBodyMax / 16000 + 1));
}

TEST_F(Http2, PingsThatAreNeverTakenAreLetGo) {
  std::string pings = greeting();
  for (int i = 0; i < 10'000; ++i) {
    pings += http2_frame(6, 0, 0, std::string(8, 'p'));
  }
  EXPECT_FALSE(server.feed(pings));
}

TEST_F(Http2, WhatIsNoHttp2IsLetGo) { EXPECT_FALSE(say("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); }

}  // namespace
}  // namespace labctl::server
