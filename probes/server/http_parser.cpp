#include "probes/server/http_parser.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace labctl::server {
namespace {

// RFC 9110 §5.6.2.
bool is_token_char(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_token_char(c); });
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Whether a comma list such as "keep-alive, Upgrade" holds the word.
bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (same_word(trim(list.substr(0, comma)), word)) {
      return true;
    }
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return false;
}

// Digits only, as the grammar has it: no sign, no space, no overflow.
std::optional<std::size_t> parse_number(std::string_view text, int base) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::optional<std::string_view> HttpMessage::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_word(key, name)) {
      return value;
    }
  }
  return std::nullopt;
}

bool HttpMessage::keep_alive() const {
  const auto connection = header("Connection").value_or("");
  return minor_version >= 1 ? !has_word(connection, "close") : has_word(connection, "keep-alive");
}

std::size_t HttpParser::feed(std::string_view bytes) {
  const std::size_t given = bytes.size();
  while (!bytes.empty() && state_ == State::NeedMore) {
    started_ = true;
    switch (step_) {
      case Step::StartLine:
        if (collect_line(bytes, kMaxStartLine, 414)) {
          on_line();
        }
        break;
      case Step::Header:
      case Step::Trailer:
        if (collect_line(bytes, kMaxHeaderBytes - std::min(header_bytes_, kMaxHeaderBytes), 431)) {
          on_line();
        }
        break;
      case Step::ChunkSize:
      case Step::ChunkEnd:
        if (collect_line(bytes, 256, 400)) {
          on_line();
        }
        break;
      case Step::Body:
      case Step::ChunkData: {
        const std::size_t part = std::min(body_left_, bytes.size());
        message_.body.append(bytes.substr(0, part));
        bytes.remove_prefix(part);
        body_left_ -= part;
        if (body_left_ == 0) {
          step_ == Step::Body ? complete() : void(step_ = Step::ChunkEnd);
        }
        break;
      }
      case Step::BodyToEnd:
        if (bytes.size() > max_body_ - message_.body.size()) {
          refuse(413, "body too large");
          break;
        }
        message_.body.append(bytes);
        bytes = {};
        break;
      case Step::Done:
        return given - bytes.size();
    }
  }
  return given - bytes.size();
}

void HttpParser::finish() {
  if (state_ != State::NeedMore) {
    return;
  }
  if (step_ == Step::BodyToEnd) {
    complete();
  } else if (started_) {
    refuse(400, "unexpected end of the message");
  }
}

bool HttpParser::take_expect_continue() { return std::exchange(expect_continue_, false); }

HttpMessage HttpParser::take() {
  HttpMessage message = std::move(message_);
  *this = HttpParser(kind_, max_body_);
  return message;
}

bool HttpParser::collect_line(std::string_view& bytes, std::size_t limit, int status) {
  const auto end = bytes.find('\n');
  const std::size_t part = end == std::string_view::npos ? bytes.size() : end;
  if (part > limit || line_.size() > limit - part) {
    refuse(status, "line too long");
    return false;
  }
  line_.append(bytes.substr(0, part));
  if (end == std::string_view::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(end + 1);
  if (!line_.empty() && line_.back() == '\r') {
    line_.pop_back();
  }
  // A CR inside a line is where two readers begin to differ about where it ends.
  if (line_.find('\r') != std::string::npos || line_.find('\0') != std::string::npos) {
    refuse(400, "invalid character in a line");
    return false;
  }
  return true;
}

void HttpParser::on_line() {
  switch (step_) {
    case Step::StartLine:
      on_start_line();
      break;
    case Step::Header:
    case Step::Trailer:
      header_bytes_ += line_.size() + 2;
      if (!line_.empty()) {
        on_header(step_ == Step::Trailer);
      } else if (step_ == Step::Header) {
        on_headers_end();
      } else {
        complete();
      }
      break;
    case Step::ChunkSize:
      on_chunk_size();
      break;
    case Step::ChunkEnd:
      if (line_.empty()) {
        step_ = Step::ChunkSize;
      } else {
        refuse(400, "malformed chunk");
      }
      break;
    case Step::Body:
    case Step::BodyToEnd:
    case Step::ChunkData:
    case Step::Done:
      break;
  }
  line_.clear();
}

void HttpParser::on_start_line() {
  if (line_.empty()) {
    // RFC 9112 §2.2: empty lines before a request line are ignored; a stream of them is not.
    if (kind_ == Kind::Response || ++header_bytes_ > 4) {
      refuse(400, "malformed start line");
    }
    return;
  }
  header_bytes_ = 0;
  kind_ == Kind::Request ? on_request_line(line_) : on_status_line(line_);
}

void HttpParser::on_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) {
    return refuse(400, "malformed request line");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method) || target.empty() ||
      std::any_of(target.begin(), target.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; })) {
    return refuse(400, "malformed request line");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return refuse(version.starts_with("HTTP/") ? 505 : 400, "unsupported protocol version");
  }
  message_.method = method;
  message_.target = target;
  message_.minor_version = version.back() - '0';
  step_ = Step::Header;
}

void HttpParser::on_status_line(std::string_view line) {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || (line[7] != '0' && line[7] != '1') ||
      line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) {
    return refuse(400, "malformed status line");
  }
  const auto status = parse_number(line.substr(9, 3), 10);
  if (!status || *status < 100) {
    return refuse(400, "malformed status line");
  }
  message_.status = static_cast<int>(*status);
  message_.minor_version = line[7] - '0';
  step_ = Step::Header;
}

void HttpParser::on_header(bool trailer) {
  const std::string_view line = line_;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return refuse(400, "malformed header");  // also a folded line, which begins with a space
  }
  const std::string_view value = trim(line.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(),
                  [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; })) {
    return refuse(400, "malformed header");
  }
  if (trailer) {
    return;  // read past: nothing of ours looks at trailers
  }
  if (message_.headers.size() == kMaxHeaders) {
    return refuse(431, "too many headers");
  }
  message_.headers.emplace_back(line.substr(0, colon), value);
}

void HttpParser::on_headers_end() {
  std::optional<std::size_t> length;
  bool chunked = false;
  int hosts = 0;
  for (const auto& [name, value] : message_.headers) {
    if (same_word(name, "Content-Length")) {
      const auto number = parse_number(value, 10);
      if (!number || (length && *length != *number)) {
        return refuse(400, "malformed Content-Length");
      }
      length = number;
    } else if (same_word(name, "Transfer-Encoding")) {
      if (chunked || !same_word(value, "chunked")) {
        return refuse(501, "unsupported transfer encoding");
      }
      chunked = true;
    } else if (same_word(name, "Host")) {
      ++hosts;
    }
  }
  if (chunked && (length || message_.minor_version == 0)) {
    return refuse(400, "both a length and chunks");
  }
  if (kind_ == Kind::Request && (hosts > 1 || (hosts == 0 && message_.minor_version == 1))) {
    return refuse(400, hosts == 0 ? "missing required Host header" : "too many Host headers");
  }
  if (length.value_or(0) > max_body_) {
    return refuse(413, "body too large");
  }
  if (kind_ == Kind::Response) {
    if (message_.status < 200 && message_.status != 101) {  // interim: the real answer follows
      message_ = {};
      header_bytes_ = 0;
      step_ = Step::StartLine;
      return;
    }
    if (message_.status == 204 || message_.status == 304) {
      return complete();
    }
  }
  expect_continue_ = same_word(message_.header("Expect").value_or(""), "100-continue");
  if (chunked) {
    header_bytes_ = 0;
    step_ = Step::ChunkSize;
  } else if (length.value_or(0) > 0) {
    body_left_ = *length;
    step_ = Step::Body;
  } else if (kind_ == Kind::Response && !length) {
    step_ = Step::BodyToEnd;
  } else {
    complete();
  }
}

void HttpParser::on_chunk_size() {
  std::string_view line = line_;
  line = trim(line.substr(0, line.find(';')));  // extensions are ignored, RFC 9112 §7.1.1
  const auto size = parse_number(line, 16);
  if (!size) {
    return refuse(400, "malformed chunk");
  }
  if (*size > max_body_ - message_.body.size()) {
    return refuse(413, "body too large");
  }
  body_left_ = *size;
  step_ = *size == 0 ? Step::Trailer : Step::ChunkData;
}

void HttpParser::refuse(int status, std::string_view reason) {
  state_ = State::Refused;
  step_ = Step::Done;
  refusal_ = {status, reason};
}

void HttpParser::complete() {
  state_ = State::Complete;
  step_ = Step::Done;
  expect_continue_ = false;
}

}  // namespace labctl::server
