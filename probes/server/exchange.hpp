#pragma once

// One question asked from inside a pod: connect, send, take the answer, in the loop and with a deadline. TCP
// asks over HTTP or only connects; UDP and SCTP send one message and wait for one. Errors are told in the
// words of Go's net package, which is what users of agnhost grep for.

#include "probes/server/core.hpp"
#include "probes/server/http_parser.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/protocol.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace labctl::server {

struct Question {
  model::Protocol protocol = model::Protocol::Tcp;
  IpAddress address;
  std::uint16_t port = 0;
  std::string http_target{};                 // TCP: GET this; empty: being connected is the answer
  std::string payload{};                     // UDP, SCTP
  std::chrono::milliseconds timeout{5'000};  // 0: as long as the kernel tries
};

struct Outcome {
  enum class Kind { Answered, TimedOut, Refused, Failed };
  Kind kind = Kind::Failed;
  int status = 0;       // HTTP
  std::string body{};   // the answer
  std::string error{};  // Go's words; empty when answered
};

class Exchange final : public Session {
 public:
  using Done = std::function<void(Outcome)>;
  static constexpr std::size_t kMaxAnswer = 1024 * 1024;

  // `done` is called once, on the loop thread with the lock held, possibly before this returns; never if the
  // pod or container ends first. An exchange that cannot even begin is an outcome too.
  static void begin(Core& core, PodId pod, ContainerId container, Question question, Done done);

  Exchange(Core& core, PodId pod, ContainerId container, Question question, Done done);
  void on_ready(std::uint32_t events) override;
  void on_deadline() override;

 private:
  void connect();
  void on_connected();
  void receive_message();
  void receive_http();
  void finish(Outcome::Kind kind, std::string body, std::string error, int status = 0);
  // "dial tcp 10.0.0.1:80: connect: connection refused", or what the protocol says.
  void fail(std::string_view call, int errno_value);
  std::string where() const;

  Core& core_;
  Question question_;
  Done done_;
  HttpParser parser_;
  bool connected_ = false;
};

}  // namespace labctl::server
