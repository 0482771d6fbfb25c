#pragma once

// HTTP/1.1 messages out of a stream of bytes, piece by piece; RFC 9112. Made for hostile input: every part
// has a bound, nothing is guessed. A request that a proxy might read otherwise than we do (two lengths, a
// length beside chunks, a bare CR, a folded header) is refused, not repaired.
//
// Pure: no sockets, no clock. One parser serves one connection: feed() it what arrived, take() each message.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::server {

struct HttpMessage {
  // Of a request.
  std::string method;
  std::string target;  // as sent: "/echo?msg=hi"
  // Of a response.
  int status = 0;
  // Of both.
  int minor_version = 1;
  std::vector<std::pair<std::string, std::string>> headers;  // names as sent, values trimmed
  std::string body;

  // The first value of a header, names compared without case; nothing if absent.
  std::optional<std::string_view> header(std::string_view name) const;
  // Whether the connection may carry another message after this one.
  bool keep_alive() const;
};

// What went wrong with a message, as the HTTP status to answer with.
struct HttpRefusal {
  int status = 400;
  std::string_view reason;
};

class HttpParser {
 public:
  enum class Kind { Request, Response };
  enum class State { NeedMore, Complete, Refused };

  static constexpr std::size_t kMaxStartLine = 8 * 1024;
  static constexpr std::size_t kMaxHeaderBytes =
      32 * 1024;  // all header or trailer lines of a message together
  static constexpr std::size_t kMaxHeaders = 100;

  HttpParser(Kind kind, std::size_t max_body) : kind_(kind), max_body_(max_body) {}

  // Takes from `bytes` what belongs to the current message, and says how much that was:
  // less than all of it only when the message is complete or refused. After that feed
  // nothing before take() (or ever, when refused).
  std::size_t feed(std::string_view bytes);
  // The peer closed its side: completes a response whose body runs to the end of the connection.
  void finish();

  State state() const { return state_; }
  const HttpRefusal& refusal() const { return refusal_; }
  // Whether any byte of the current message has been seen.
  bool started() const { return started_; }
  // The headers are complete, the body is awaited, and the client waits for
  // "100 Continue"; true once a message.
  bool take_expect_continue();
  std::size_t body_size() const { return message_.body.size(); }

  // The complete message; the parser starts over.
  HttpMessage take();

 private:
  enum class Step { StartLine, Header, Body, BodyToEnd, ChunkSize, ChunkData, ChunkEnd, Trailer, Done };

  // Collects one line; true when it is complete in line_, without its line end.
  bool collect_line(std::string_view& bytes, std::size_t limit, int status);
  void on_line();
  void on_start_line();
  void on_request_line(std::string_view line);
  void on_status_line(std::string_view line);
  void on_header(bool trailer);
  void on_headers_end();
  void on_chunk_size();
  void refuse(int status, std::string_view reason);
  void complete();

  Kind kind_;
  std::size_t max_body_;
  State state_ = State::NeedMore;
  Step step_ = Step::StartLine;
  HttpRefusal refusal_;
  HttpMessage message_;
  std::string line_;
  std::size_t header_bytes_ = 0;
  std::size_t body_left_ = 0;
  bool started_ = false;
  bool expect_continue_ = false;
};

}  // namespace labctl::server
