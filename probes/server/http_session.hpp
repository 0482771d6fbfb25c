#pragma once

// One client's HTTP connection: bytes to requests, replies to bytes, one request at a time. What a request
// means is decided in http_services.cpp.
//
// To a stand-in a client may speak TLS as well, which shows in its first byte, and HTTP/2, which shows in what
// it says first: the application's own port might be either.
//
// Bounds: a message must arrive within kMessageTime of its first byte (each part of a body renews it), a
// reply must be taken within kWriteTime, an idle connection may stay kIdleTime.

#include "probes/server/core.hpp"
#include "probes/server/http2_server.hpp"
#include "probes/server/http_parser.hpp"
#include "probes/server/http_text.hpp"
#include "probes/server/tls_stream.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace labctl::server {

class HttpSession final : public Session {
 public:
  static constexpr std::chrono::seconds kMessageTime{30};
  static constexpr std::chrono::seconds kWriteTime{30};
  static constexpr std::chrono::seconds kIdleTime{300};

  HttpSession(Core& core, const ListenerTable::View& listener, Accepted connection);
  ~HttpSession() override;

  // To be called once by the loop, after adoption.
  void begin();
  // Answers the request under way, at once or later. Nothing may be done with the session afterwards.
  void reply(const HttpReply& reply);

  void on_ready(std::uint32_t events) override;
  void on_deadline() override;
  bool is_connection() const override { return true; }
  bool is_idle() const override { return !busy_ && out_.empty(); }

  Core& core() const { return core_; }
  const Peer& peer() const { return peer_; }
  const Role& role() const { return *role_; }
  const Endpoint& endpoint() const { return *endpoint_; }

 private:
  void read_some();
  // What arrived becomes `in_`; false when the session is gone.
  bool receive(std::string_view bytes);
  // True once it is known; HTTP/2 has its server then.
  bool knows_version();
  bool begin_heavy(const std::function<void()>& begin);
  void feed_http2();
  std::string answer_http2(std::string_view method, std::string_view path, bool is_grpc);
  // To be sent, in TLS if that is spoken.
  void write(std::string_view plain);
  // Takes requests out of what was read, until one is under way or more is needed.
  void advance();
  void feed();
  void refuse(const HttpRefusal& refusal);
  // Sends what is left; false when the session is gone.
  bool flush();
  void watch_again();
  void account_body();

  Core& core_;
  std::shared_ptr<const Role> role_;
  const Endpoint* endpoint_;
  Peer peer_;
  HttpParser parser_;
  std::unique_ptr<TlsStream> tls_;
  std::unique_ptr<Http2Server> http2_;
  std::string in_;   // read, not yet parsed
  std::string out_;  // to be sent
  std::size_t accounted_ = 0;
  bool has_input_ = false;
  bool is_version_known_ = false;
  bool is_heavy_ = false;
  bool busy_ = false;       // a request waits for its reply
  bool advancing_ = false;  // advance() is on the stack
  bool head_ = false;
  bool keep_alive_ = true;
  bool input_ended_ = false;
  bool close_after_ = false;
};

}  // namespace labctl::server
