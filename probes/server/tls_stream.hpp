#pragma once

// The server's half of TLS over bytes that others carry, with a certificate that nobody signed: clients that
// verify refuse it, and the kubelet does not verify. TLS 1.2 and 1.3; "http/1.1" is chosen of what a client
// offers (ALPN), else "h2".
//
// Pure but for the random numbers of OpenSSL: no sockets, no clock but that of the certificate.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace labctl::server {

// The first byte of a connection that speaks TLS, the type of a record with a handshake; RFC 8446 §5.1. No
// method of HTTP begins like that.
inline constexpr char kTlsFirstByte = 0x16;

// A new key and its certificate, valid for ten years. Shared by the connections of one thread.
class TlsIdentity {
 public:
  // Throws Error without memory.
  TlsIdentity();
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

 private:
  friend class TlsStream;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

class TlsStream {
 public:
  enum class State { Handshake, Open, Over };

  // `identity` must outlive this. Throws Error without memory.
  explicit TlsStream(const TlsIdentity& identity);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Takes what arrived: what it says is appended to `plain`, what has to be answered to `reply`. Over: the
  // client said that nothing more comes, or what it sent is no TLS.
  State receive(std::string_view bytes, std::string& plain, std::string& reply);
  // Open only: the bytes that carry `plain`.
  std::string encrypt(std::string_view plain);
  // The bytes that say that nothing more comes.
  std::string close();
  State state() const { return state_; }

 private:
  void take_reply(std::string& reply);
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  std::unique_ptr<ssl_st, Free> ssl_;
  State state_ = State::Handshake;
};

}  // namespace labctl::server
