#pragma once

// A client's half of HTTP/1.1 (RFC 9112): the request as text, the reply read as it comes. One request a
// connection. What a server sends is hostile: everything kept is bounded, and any bytes are taken. What small
// servers write and curl and Go's client understand is understood: lines that end with a line feed alone, no
// reason phrase, replies before the reply (1xx), folded headers, no length at all.

#include "probes/outcome/outcome.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::protocol {

inline constexpr std::size_t kHttpHeadLimit = 64 * 1024;      // as nginx and Apache allow in all, and more
inline constexpr std::size_t kHttpBodyKept = 64 * 1024;       // enough for an answer of the test server
inline constexpr std::size_t kHttpBodyWhole = 4ul << 20;      // for who wants to look into it
inline constexpr std::uint64_t kHttpBodyLimit = 64ull << 20;  // beyond this a probe has seen enough

struct HttpRequest {
  std::string method = "GET";
  std::string path = "/";  // as on the request line, with the query
  std::string host;        // the Host header; empty: none is invented, the address is used by the caller
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int expect_status = 0;                  // 0: any from 200 to 399
  std::size_t body_kept = kHttpBodyKept;  // of the reply
  bool operator==(const HttpRequest&) const = default;
};

// Empty if the request can be sent, else what is wrong: an odd method, line breaks or
// blanks where they would change the request.
std::string request_error(const HttpRequest& request);

// The request with Connection: close and, for a body, Content-Length. Precondition: request_error() is empty.
std::string encode_http_request(const HttpRequest& request);

struct HttpResponse {
  int status = 0;
  std::string reason_phrase;
  std::vector<std::pair<std::string, std::string>> headers;  // names as sent, in order
  std::string body;                                          // its first bytes, as many as are kept
  std::uint64_t body_size = 0;                               // all that came, chunk framing not counted

  // The first header of that name, case ignored; nullptr if there is none.
  const std::string* find_header(std::string_view name) const;
  void clear();
  bool operator==(const HttpResponse&) const = default;
};

class HttpResponseParser {
 public:
  enum class State { Head, Body, Done, Failed };

  // `head_request`: the reply to HEAD has no body whatever its headers say.
  // `body_kept`: bytes of a body; of the others it is known how many there were.
  explicit HttpResponseParser(bool head_request = false, std::size_t body_kept = kHttpBodyKept)
      : head_request_(head_request), body_kept_(body_kept) {}

  // Takes the next bytes. What follows a complete reply is ignored. Returns the state after them.
  State feed(std::string_view bytes);
  // The server closed: a reply whose body ends with the connection is Done, any other unfinished one Failed.
  State finish();
  // Forgets everything and keeps the memory, for the next reply.
  void reset(bool head_request = false, std::size_t body_kept = kHttpBodyKept);

  State state() const { return state_; }
  bool got_anything() const { return got_anything_; }
  // Complete when the state is Done.
  const HttpResponse& response() const { return response_; }
  // What was wrong, when the state is Failed.
  const std::string& error() const { return error_; }

 private:
  enum class Framing { Length, Chunked, UntilClose };
  enum class Chunk { Size, Data, DataEnd, Trailer };

  State fail(std::string_view what);
  void read_head();
  bool find_blank_line();
  bool read_head_lines(std::string_view head);
  std::optional<std::string_view> length_said();
  bool read_status_line(std::string_view line);
  bool read_header_line(std::string_view line);
  void choose_framing();
  void read_body(std::string_view bytes);
  void read_chunked(std::string_view bytes);
  void end_chunk_line();
  void keep_body(std::string_view bytes);

  bool head_request_ = false;
  bool got_anything_ = false;
  State state_ = State::Head;
  Framing framing_ = Framing::UntilClose;
  Chunk chunk_ = Chunk::Size;
  std::uint64_t left_ = 0;      // bytes of the body or of the chunk still to come
  std::string buffer_;          // the head, or a line of chunk framing, so far
  std::size_t scanned_ = 0;     // of the head: all before has been looked at
  std::size_t line_start_ = 0;  // of the head's last line so far
  std::size_t body_kept_ = kHttpBodyKept;
  int interim_ = 0;  // 1xx replies so far
  HttpResponse response_;
  std::string error_;
};

// ok or http_status for a complete reply.
probes::Outcome classify(const HttpResponse& response, const HttpRequest& request);

}  // namespace labctl::protocol
