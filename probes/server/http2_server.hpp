#pragma once

// The server's half of HTTP/2, for stand-ins of gRPC servers: grpc.health.v1.Health says SERVING of every
// service, other methods are UNIMPLEMENTED, and what is not gRPC gets a text. RFC 9113 with prior knowledge,
// the gRPC specification "PROTOCOL-HTTP2", and health.proto.
//
// Bounds: kStreamsMax streams at once, frames of 16 KiB, kHeadersMax bytes of headers a request, kBodyMax of a
// body, which is counted and not kept; answers to pings and settings that nobody takes end the connection.
//
// Pure: no sockets, no clock.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

struct nghttp2_session;

namespace labctl::server {

// What an HTTP/2 client sends first.
inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Http2Server {
 public:
  static constexpr std::uint32_t kStreamsMax = 32;
  static constexpr std::size_t kHeadersMax = 16 * 1024;
  static constexpr std::size_t kBodyMax = 1024 * 1024;

  // What answers a request that is not of gRPC; it is told of the others too, which pay no heed to its text.
  using Answer = std::function<std::string(std::string_view method, std::string_view path, bool is_grpc)>;

  // Throws Error without memory.
  explicit Http2Server(Answer answer);
  ~Http2Server();
  Http2Server(const Http2Server&) = delete;
  Http2Server& operator=(const Http2Server&) = delete;

  // Takes what arrived, the preface first. False: the connection is over once the output has been sent.
  bool feed(std::string_view bytes);
  // What is to be sent; to be taken after each feed().
  std::string take_output();
  // No request is under way.
  bool is_idle() const { return streams_.empty(); }

 private:
  friend struct Http2ServerCallbacks;
  struct Free {
    void operator()(nghttp2_session* session) const;
  };
  struct Stream {
    std::string method;
    std::string path;
    bool is_grpc = false;
    bool is_answered = false;
    std::size_t header_bytes = 0;
    std::size_t body_bytes = 0;
    std::string reply;
    std::size_t sent = 0;
    bool stays_open = false;  // of the reply: a Watch
    bool has_trailers = false;
  };

  void on_request(std::int32_t id, Stream& stream, bool is_whole);
  void answer_plain(std::int32_t id, Stream& stream);
  void answer_health(std::int32_t id, Stream& stream);
  void refuse_grpc(std::int32_t id, const Stream& stream);

  Answer answer_;
  std::map<std::int32_t, Stream> streams_;
  std::unique_ptr<nghttp2_session, Free> session_;
};

}  // namespace labctl::server
