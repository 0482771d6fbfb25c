#pragma once

// One client's HTTP connection: bytes to requests, replies to bytes, one request at a time. What a request
// means is decided in http_services.cpp.
//
// Bounds: a message must arrive within kMessageTime of its first byte (each part of a body renews it), a
// reply must be taken within kWriteTime, an idle connection may stay kIdleTime.

#include "probes/server/core.hpp"
#include "probes/server/http_parser.hpp"
#include "probes/server/http_text.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

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
  std::string in_;   // read, not yet parsed
  std::string out_;  // to be sent
  std::size_t accounted_ = 0;
  bool busy_ = false;       // a request waits for its reply
  bool advancing_ = false;  // advance() is on the stack
  bool head_ = false;
  bool keep_alive_ = true;
  bool input_ended_ = false;
  bool close_after_ = false;
};

}  // namespace labctl::server
