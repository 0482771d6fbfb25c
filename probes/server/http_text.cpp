#include "probes/server/http_text.hpp"

#include "topology/base/percent.hpp"
#include "topology/base/printable.hpp"

#include <cctype>
#include <cstring>
#include <ctime>

namespace labctl::server {
namespace {

void append_hex_escape(std::string& out, std::string_view prefix, unsigned code, int digits) {
  out += prefix;
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out += "0123456789abcdef"[(code >> shift) & 15];
  }
}

// The value of a parameter such as boundary in `multipart/form-data; boundary="x"`; empty if absent.
std::string_view parameter_of(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos) {
    header.remove_prefix(at + 1);
    header.remove_prefix(std::min(header.find_first_not_of(" \t"), header.size()));
    const auto equals = header.find('=');
    if (equals == std::string_view::npos) {
      return {};
    }
    const std::string_view key = header.substr(0, equals);
    header.remove_prefix(equals + 1);
    std::string_view value;
    if (!header.empty() && header.front() == '"') {
      const auto quote = header.find('"', 1);
      if (quote == std::string_view::npos) {
        return {};
      }
      value = header.substr(1, quote - 1);
      header.remove_prefix(quote + 1);
    } else {
      value = header.substr(0, header.find(';'));
      header.remove_prefix(value.size());
    }
    if (key == name) {
      return value;
    }
    at = header.find(';');
  }
  return {};
}

}  // namespace

const std::string& Target::get(std::string_view key) const {
  static const std::string kNone;
  const auto found = query.find(key);
  return found == query.end() ? kNone : found->second;
}

void add_parameters(std::string_view text, Target& target) {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const auto equals = part.find('=');
    const auto key = percent_decode(part.substr(0, equals), Plus::IsSpace);
    const auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1), Plus::IsSpace);
    if (!part.empty() && key && value) {
      target.query.emplace(*key, *value);
    }
  }
}

Target parse_target(std::string_view text) {
  if (text.starts_with("http://")) {
    text.remove_prefix(std::min(text.find('/', 7), text.size()));
  }
  text = text.substr(0, text.find('#'));
  Target target;
  const auto question = text.find('?');
  const std::string_view path = text.substr(0, question);
  target.path = percent_decode(path).value_or(std::string(path));
  if (target.path.empty()) {
    target.path = "/";
  }
  if (question != std::string_view::npos) {
    add_parameters(text.substr(question + 1), target);
  }
  return target;
}

std::optional<std::string_view> multipart_field(std::string_view content_type, std::string_view body,
                                                std::string_view name) {
  const std::string_view boundary = parameter_of(content_type, "boundary");
  if (!content_type.starts_with("multipart/form-data") || boundary.empty() || boundary.size() > 70) {
    return std::nullopt;
  }
  const std::string delimiter = "--" + std::string(boundary);
  std::size_t at = body.find(delimiter);
  while (at != std::string_view::npos) {
    at += delimiter.size();
    const auto headers_end = body.find("\r\n\r\n", at);
    if (body.substr(at, 2) != "\r\n" || headers_end == std::string_view::npos) {
      return std::nullopt;  // "--": the last delimiter
    }
    const auto content = headers_end + 4;
    const auto end = body.find("\r\n" + delimiter, content);
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    std::string_view headers = body.substr(at + 2, headers_end - at);
    while (!headers.empty()) {
      const std::string_view line = headers.substr(0, headers.find("\r\n"));
      headers.remove_prefix(std::min(line.size() + 2, headers.size()));
      constexpr std::string_view kDisposition = "content-disposition:";
      if (line.size() > kDisposition.size() &&
          ::strncasecmp(line.data(), kDisposition.data(), kDisposition.size()) == 0 &&
          parameter_of(line, "name") == name) {
        return body.substr(content, end - content);
      }
    }
    at = end + 2;
  }
  return std::nullopt;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const unsigned char c = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[0];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < ' ' || c == '<' || c == '>' || c == '&' || c == 0x7f) {
      append_hex_escape(out, "\\u", c, 4);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out + '"';
}

std::string json_array(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    out += (out.size() > 1 ? "," : "") + json_string(text);
  }
  return out + "]";
}

std::string_view status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request URI Too Long";
    case 417:
      return "Expectation Failed";
    case 418:
      return "I'm a teapot";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

std::string to_bytes(const HttpReply& reply, bool head, bool keep_alive,
                     std::chrono::system_clock::time_point now) {
  const std::string_view text = status_text(reply.status);
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  out += text.empty() ? "status code " + std::to_string(reply.status) : std::string(text);
  out += "\r\n";
  for (const auto& [name, value] : reply.headers) {
    out += name + ": ";
    for (const char c : value) {
      out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    }
    out += "\r\n";
  }
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char date[40];
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  out += "Date: " + std::string(date) + "\r\n";
  const bool bodiless = reply.status == 204 || reply.status == 304;
  if (!bodiless) {
    out += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    if (!reply.body.empty()) {
      out += "Content-Type: " + reply.content_type + "\r\n";
    }
  }
  if (!keep_alive) {
    out += "Connection: close\r\n";
  }
  out += "\r\n";
  if (!head && !bodiless) {
    out += reply.body;
  }
  return out;
}

std::string go_error_text(int errno_value) {
  const char* description = ::strerrordesc_np(errno_value);
  std::string text = description != nullptr ? description : "errno " + std::to_string(errno_value);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::string go_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const unsigned char c = static_cast<unsigned char>(text[0]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[0];
    } else if (c == '\n') {
      out += "\\n";
    } else if (length == 0 || c < ' ' || c == 0x7f) {
      append_hex_escape(out, "\\x", c, 2);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + '"';
}

}  // namespace labctl::server
