#include "probes/server/tls_stream.hpp"

#include <gtest/gtest.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace labctl::server {
namespace {

struct FreeTls {
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};

// A client of OpenSSL's own, in memory.
class TlsClient {
 public:
  explicit TlsClient(const std::string& offers = "")
      : context_(::SSL_CTX_new(::TLS_client_method())), ssl_(::SSL_new(context_.get())) {
    ::SSL_set_bio(ssl_.get(), ::BIO_new(::BIO_s_mem()), ::BIO_new(::BIO_s_mem()));
    ::SSL_set_connect_state(ssl_.get());
    if (!offers.empty()) {
      ::SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offers.data()),
                            static_cast<unsigned>(offers.size()));
    }
  }

  std::string take() {
    char buffer[32 * 1024];
    const int count = ::BIO_read(::SSL_get_wbio(ssl_.get()), buffer, sizeof buffer);
    return {buffer, static_cast<std::size_t>(count > 0 ? count : 0)};
  }
  void give(const std::string& bytes) {
    ::BIO_write(::SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  }
  bool shake_hands() { return ::SSL_do_handshake(ssl_.get()) == 1; }
  void send(std::string_view text) { ::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
  std::string read() {
    char buffer[16 * 1024];
    const int count = ::SSL_read(ssl_.get(), buffer, sizeof buffer);
    return {buffer, static_cast<std::size_t>(count > 0 ? count : 0)};
  }
  bool has_ended() { return (::SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  std::string chosen() {
    const unsigned char* name = nullptr;
    unsigned length = 0;
    ::SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    return {reinterpret_cast<const char*>(name), length};
  }

 private:
  std::unique_ptr<SSL_CTX, FreeTls> context_;
  std::unique_ptr<SSL, FreeTls> ssl_;
};

const TlsIdentity& identity() {
  static const TlsIdentity kIdentity;
  return kIdentity;
}

class Tls : public ::testing::Test {
 protected:
  bool shake_hands(TlsClient& client) {
    for (int round = 0; round < 5; ++round) {
      const bool is_done = client.shake_hands();
      std::string reply;
      stream.receive(client.take(), said, reply);
      client.give(reply);
      if (is_done && stream.state() == TlsStream::State::Open) {
        return true;
      }
    }
    return false;
  }

  TlsStream stream{identity()};
  std::string said;
};

TEST_F(Tls, ClientBeginsWithTheByteThatTellsIt) {
  TlsClient client;
  client.shake_hands();
  EXPECT_EQ(client.take().front(), kTlsFirstByte);
}

TEST_F(Tls, CarriesBytesBothWays) {
  TlsClient client;
  ASSERT_TRUE(shake_hands(client));
  client.send("GET / HTTP/1.1\r\n\r\n");
  std::string reply;
  EXPECT_EQ(stream.receive(client.take(), said, reply), TlsStream::State::Open);
  EXPECT_EQ(said, "GET / HTTP/1.1\r\n\r\n");
  client.give(stream.encrypt("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_EQ(client.read(), "HTTP/1.1 200 OK\r\n\r\n");
  client.give(stream.close());
  EXPECT_EQ(client.read(), "");
  EXPECT_TRUE(client.has_ended());
}

TEST_F(Tls, ReadsWhatComesByteByByte) {
  TlsClient client;
  std::string reply;
  for (int round = 0; round < 5 && stream.state() != TlsStream::State::Open; ++round) {
    client.shake_hands();
    for (const char byte : client.take()) {
      stream.receive({&byte, 1}, said, reply);
    }
    client.give(std::exchange(reply, {}));
  }
  client.send("hello");
  for (const char byte : client.take()) {
    stream.receive({&byte, 1}, said, reply);
  }
  EXPECT_EQ(said, "hello");
}

TEST_F(Tls, ChoosesHttp1OfWhatIsOfferedElseHttp2) {
  TlsClient both(std::string("\x02h2\x08http/1.1"));
  ASSERT_TRUE(shake_hands(both));
  EXPECT_EQ(both.chosen(), "http/1.1");
}

TEST_F(Tls, ChoosesHttp2ForWhoOffersNothingElse) {
  TlsClient grpc(std::string("\x02h2"));
  ASSERT_TRUE(shake_hands(grpc));
  EXPECT_EQ(grpc.chosen(), "h2");
}

TEST_F(Tls, WhatIsNoTlsIsOver) {
  std::string reply;
  EXPECT_EQ(stream.receive("\x16\x03\x01\xff\xffnothing of the kind" + std::string(70'000, 'x'), said, reply),
            TlsStream::State::Over);
  EXPECT_EQ(said, "");
  EXPECT_LT(reply.size(), 100u) << "an alert at most";
  EXPECT_EQ(stream.receive("more", said, reply), TlsStream::State::Over);
}

}  // namespace
}  // namespace labctl::server
