#include "probes/protocol/http.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace labctl::protocol {
namespace {

// A line of chunk framing: a size in hex and extensions that nobody uses.
constexpr std::size_t kChunkLineLimit = 4096;
// Real servers send one or two (100, 103); each costs a copy of what follows.
constexpr int kInterimLimit = 16;

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text, bool blanks_too) {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t') || byte == 0x7f || (blanks_too && (c == ' ' || c == '\t'));
  });
}

bool equal_names(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The last coding decides the framing (RFC 9112 section 6.3).
bool ends_in_chunked(std::string_view codings) {
  const std::size_t comma = codings.rfind(',');
  return equal_names(trimmed(comma == std::string_view::npos ? codings : codings.substr(comma + 1)),
                     "chunked");
}

}  // namespace

std::string request_error(const HttpRequest& request) {
  if (!is_token(request.method) || request.method.size() > 32) {
    return "\"" + request.method + "\" is no HTTP method";
  }
  if (request.path.empty() || (request.path.front() != '/' && request.path != "*") ||
      has_control(request.path, true)) {
    return "path \"" + request.path + "\" does not begin with / or holds blanks";
  }
  if (has_control(request.host, true)) {
    return "host \"" + request.host + "\" holds blanks or control characters";
  }
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) {
      return "\"" + name + "\" is no header name";
    }
    if (has_control(value, false)) {
      return "header " + name + " holds control characters";
    }
  }
  return {};
}

std::string encode_http_request(const HttpRequest& request) {
  const auto given = [&](std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(),
                       [&](const auto& header) { return equal_names(header.first, name); });
  };
  std::string text = request.method + ' ' + request.path + " HTTP/1.1\r\n";
  if (!given("Host")) {
    text += "Host: " + request.host + "\r\n";
  }
  for (const auto& [name, value] : request.headers) {
    text += name + ": " + value + "\r\n";
  }
  if (!given("User-Agent")) {
    text += "User-Agent: labctl\r\n";
  }
  if (!given("Accept")) {
    text += "Accept: */*\r\n";
  }
  if (!given("Connection")) {
    text += "Connection: close\r\n";
  }
  if (!request.body.empty() && !given("Content-Length") && !given("Transfer-Encoding")) {
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return text + "\r\n" + request.body;
}

const std::string* HttpResponse::find_header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_names(key, name)) {
      return &value;
    }
  }
  return nullptr;
}

void HttpResponse::clear() {
  status = 0;
  reason_phrase.clear();
  headers.clear();
  if (body.capacity() > kHttpBodyKept) {
    std::string().swap(body);  // it was wanted whole: memory that is seldom needed
  }
  body.clear();
  body_size = 0;
}

void HttpResponseParser::reset(bool head_request, std::size_t body_kept) {
  head_request_ = head_request;
  body_kept_ = body_kept;
  got_anything_ = false;
  state_ = State::Head;
  framing_ = Framing::UntilClose;
  chunk_ = Chunk::Size;
  left_ = 0;
  buffer_.clear();
  scanned_ = 0;
  line_start_ = 0;
  interim_ = 0;
  response_.clear();
  error_.clear();
}

HttpResponseParser::State HttpResponseParser::fail(std::string_view what) {
  error_ = what;
  return state_ = State::Failed;
}

HttpResponseParser::State HttpResponseParser::feed(std::string_view bytes) {
  got_anything_ = got_anything_ || !bytes.empty();
  if (state_ == State::Head) {
    // No more than the limit is ever buffered, whatever comes at once.
    const std::size_t room = kHttpHeadLimit + 4 - std::min(kHttpHeadLimit + 4, buffer_.size());
    const std::string_view taken = bytes.substr(0, room);
    buffer_ += taken;
    bytes.remove_prefix(taken.size());
    read_head();
  }
  if (state_ == State::Body) {
    read_body(bytes);
  }
  return state_;
}

HttpResponseParser::State HttpResponseParser::finish() {
  if (state_ == State::Body && framing_ == Framing::UntilClose) {
    return state_ = State::Done;
  }
  if (state_ == State::Head || state_ == State::Body) {
    return fail(got_anything_ ? "the connection was closed in the middle of the reply"
                              : "the connection was closed without a reply");
  }
  return state_;
}

// Works through every complete head in the buffer: interim replies (1xx) come before the real one.
void HttpResponseParser::read_head() {
  // Garbage is known by its first bytes; waiting for a blank line would hang on another protocol's greeting.
  constexpr std::string_view kStart = "HTTP/1.";
  while (state_ == State::Head) {
    const std::size_t compared = std::min(buffer_.size(), kStart.size());
    if (buffer_.compare(0, compared, kStart, 0, compared) != 0) {
      fail("the reply is not HTTP/1.1");
      return;
    }
    if (!find_blank_line()) {
      if (buffer_.size() > kHttpHeadLimit) {
        fail("the reply's headers are larger than 64 KiB");
      }
      return;
    }
    response_.clear();
    if (!read_head_lines(std::string_view(buffer_).substr(0, line_start_))) {
      return;
    }
    const std::string rest = buffer_.substr(scanned_);
    buffer_.clear();
    scanned_ = line_start_ = 0;
    if (response_.status >= 100 && response_.status < 200 && response_.status != 101) {
      if (++interim_ > kInterimLimit) {
        fail("too many interim replies");
        return;
      }
      buffer_ = rest;
      continue;
    }
    choose_framing();
    if (state_ == State::Body) {
      read_body(rest);
    }
  }
}

// Goes on through the lines of a head, which end with a line feed, a carriage return before it or not (RFC
// 9112
// section 2.2). True: line_start_ is where the blank line begins, scanned_ what follows it.
bool HttpResponseParser::find_blank_line() {
  for (std::size_t end; (end = buffer_.find('\n', scanned_)) != std::string::npos;) {
    const std::size_t size = end - line_start_;
    scanned_ = end + 1;
    if (size == 0 || (size == 1 && buffer_[line_start_] == '\r')) {
      return true;
    }
    line_start_ = scanned_;
  }
  scanned_ = buffer_.size();
  return false;
}

bool HttpResponseParser::read_head_lines(std::string_view head) {
  for (bool is_first = true; !head.empty(); is_first = false) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (!(is_first ? read_status_line(line) : read_header_line(line))) {
      return false;
    }
  }
  return true;
}

bool HttpResponseParser::read_status_line(std::string_view line) {
  // HTTP/1.x SP 3DIGIT [SP reason], with as many blanks as a server likes: Go's client and curl take those,
  // too.
  std::string_view rest = line.size() > 8 ? line.substr(8) : std::string_view();
  const bool has_blank = rest.starts_with(' ');
  rest = trimmed(rest);
  const std::string_view code = rest.substr(0, rest.find(' '));
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), response_.status);
  if (!has_blank || code.size() != 3 || error != std::errc() || end != code.data() + 3 ||
      response_.status < 100) {
    fail("the reply's status line is malformed");
    return false;
  }
  response_.reason_phrase = std::string(trimmed(rest.substr(3)));
  return true;
}

bool HttpResponseParser::read_header_line(std::string_view line) {
  if ((line.starts_with(' ') || line.starts_with('\t')) && !response_.headers.empty()) {
    // A folded line (RFC 9112 section 5.2) goes on with the value before.
    std::string& value = response_.headers.back().second;
    const std::string_view more = trimmed(line);
    value += (value.empty() || more.empty() ? "" : " ") + std::string(more);
    return true;
  }
  const std::size_t colon = line.find(':');
  // No name has a blank at its end, but some old servers put one there.
  const std::string_view name =
      colon == std::string_view::npos ? std::string_view() : trimmed(line.substr(0, colon));
  if (!is_token(name)) {
    fail("a header of the reply is malformed");
    return false;
  }
  response_.headers.emplace_back(name, trimmed(line.substr(colon + 1)));
  return true;
}

// Nothing: there is none. Said several times it must be the same (RFC 9112 section 6.3).
std::optional<std::string_view> HttpResponseParser::length_said() {
  std::optional<std::string_view> said;
  for (const auto& [name, value] : response_.headers) {
    if (!equal_names(name, "Content-Length")) {
      continue;
    }
    if (said && *said != value) {
      fail("the reply has two values of Content-Length");
    }
    said = value;
  }
  return said;
}

void HttpResponseParser::choose_framing() {
  state_ = State::Body;
  if (head_request_ || response_.status == 204 || response_.status == 304 || response_.status == 101) {
    state_ = State::Done;
  } else if (const std::string* codings = response_.find_header("Transfer-Encoding")) {
    framing_ = ends_in_chunked(*codings) ? Framing::Chunked : Framing::UntilClose;
  } else if (const auto length = length_said(); length && state_ != State::Failed) {
    const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), left_);
    if (error != std::errc() || end != length->data() + length->size()) {
      fail("the reply's Content-Length is no number");
      return;
    }
    framing_ = Framing::Length;
    state_ = left_ == 0 ? State::Done : State::Body;
  } else {
    framing_ = Framing::UntilClose;
  }
}

void HttpResponseParser::keep_body(std::string_view bytes) {
  response_.body_size += bytes.size();
  response_.body += bytes.substr(0, body_kept_ - std::min(body_kept_, response_.body.size()));
  if (response_.body_size > kHttpBodyLimit) {
    fail("the reply's body is larger than 64 MiB");
  }
}

void HttpResponseParser::read_body(std::string_view bytes) {
  if (framing_ == Framing::Chunked) {
    read_chunked(bytes);
    return;
  }
  if (framing_ == Framing::Length) {
    bytes = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
    left_ -= bytes.size();
  }
  keep_body(bytes);
  if (state_ == State::Body && framing_ == Framing::Length && left_ == 0) {
    state_ = State::Done;
  }
}

void HttpResponseParser::read_chunked(std::string_view bytes) {
  while (state_ == State::Body && !bytes.empty()) {
    if (chunk_ == Chunk::Data) {
      const std::string_view part = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
      bytes.remove_prefix(part.size());
      left_ -= part.size();
      keep_body(part);
      if (left_ == 0) {
        chunk_ = Chunk::DataEnd;
      }
      continue;
    }
    const std::size_t newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline == std::string_view::npos ? newline : newline + 1);
    if (buffer_.size() + part.size() > kChunkLineLimit) {
      fail("the reply's chunk framing is malformed");
      return;
    }
    buffer_ += part;
    bytes.remove_prefix(part.size());
    if (newline != std::string_view::npos) {
      end_chunk_line();
      buffer_.clear();
    }
  }
}

// Acts on a complete line of framing in the buffer.
void HttpResponseParser::end_chunk_line() {
  std::string_view line(buffer_);
  line.remove_suffix(1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (chunk_ == Chunk::Trailer) {
    state_ = line.empty() ? State::Done : State::Body;
    return;
  }
  if (chunk_ == Chunk::DataEnd) {
    chunk_ = Chunk::Size;
    if (!line.empty()) {
      fail("the reply's chunk framing is malformed");
    }
    return;
  }
  const std::string_view size = trimmed(line.substr(0, line.find(';')));
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
  if (size.empty() || error != std::errc() || end != size.data() + size.size()) {
    fail("the reply's chunk framing is malformed");
    return;
  }
  chunk_ = left_ == 0 ? Chunk::Trailer : Chunk::Data;
}

probes::Outcome classify(const HttpResponse& response, const HttpRequest& request) {
  const bool wanted = request.expect_status == 0 ? response.status >= 200 && response.status < 400
                                                 : response.status == request.expect_status;
  return wanted ? probes::Outcome::Ok : probes::Outcome::HttpStatus;
}

}  // namespace labctl::protocol
