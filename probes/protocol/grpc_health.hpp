#pragma once

// One call of grpc.health.v1.Health/Check, as a client of HTTP/2 without TLS by prior knowledge; RFC 9113, the
// gRPC specification "PROTOCOL-HTTP2", and health.proto. What the server sends is hostile: of its headers only
// those of gRPC are kept, and of its message as much as a status needs.
//
// Pure: no sockets, no clock. take_output() is to be sent whenever there is some, feed() gets what arrived.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace labctl::protocol {

// Status codes of gRPC: 0 is OK. "NotFound"; "Code(42)" for a number without a name, as grpc-go prints it.
std::string grpc_code_name(std::uint32_t code);

class GrpcHealthCheck {
 public:
  enum class State {
    Connecting,  // the server has not said yet that it speaks HTTP/2
    Asking,
    Done,    // status() says what it answered
    Failed,  // the connection is of no more use; error() says why
  };
  struct Status {
    std::uint32_t code = 0;   // of the call
    std::string message;      // of the call, if it failed
    std::uint64_t state = 0;  // HealthCheckResponse.status, if it did not
  };
  static constexpr std::uint64_t kServing = 1;

  static constexpr std::size_t kMessageMax = 4'096;  // of a response, and of a grpc-message
  static constexpr std::size_t kHeadersMax = 64 * 1024;

  // `service` is asked about, "" is the whole server; `authority` as in "10.244.1.2:5000".
  // Throws Error without memory.
  GrpcHealthCheck(const std::string& service, const std::string& authority, const std::string& user_agent);
  ~GrpcHealthCheck();
  GrpcHealthCheck(const GrpcHealthCheck&) = delete;
  GrpcHealthCheck& operator=(const GrpcHealthCheck&) = delete;

  std::string take_output();
  State feed(std::string_view bytes);
  // The server closed the connection.
  State finish();

  State state() const { return state_; }
  const Status& status() const { return status_; }
  const std::string& error() const { return error_; }

 private:
  friend struct GrpcHealthCallbacks;
  struct Free {
    void operator()(nghttp2_session* session) const;
  };

  void ask(const std::string& authority, const std::string& user_agent);
  void collect_output();
  void fail(std::string why);
  void end(std::uint32_t code, std::string message);
  void on_header(std::string_view name, std::string_view value);
  // The stream is over, with the error code of HTTP/2 if it was reset.
  void on_end(std::uint32_t reset);

  std::unique_ptr<nghttp2_session, Free> session_;
  std::string output_;   // that nobody has taken yet
  std::string request_;  // the framed message
  std::size_t sent_ = 0;
  State state_ = State::Connecting;
  std::int32_t stream_ = -1;
  int http_status_ = 0;
  bool is_grpc_ = false;
  bool has_status_ = false;
  std::string content_type_;
  std::size_t header_bytes_ = 0;
  std::string body_;
  Status status_;
  std::string error_;
};

// "SERVING", "NOT_SERVING"; the number for one without a name.
std::string health_state_name(std::uint64_t state);

}  // namespace labctl::protocol
