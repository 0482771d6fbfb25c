#pragma once

// The small texts around HTTP: query strings and forms in, JSON and responses out. Pure.

#include "probes/server/http_parser.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::server {

// A path and the first value of each parameter. Parameters that cannot be
// decoded are left out, as Go's net/url does.
struct Target {
  std::string path;
  std::map<std::string, std::string, std::less<>> query;
  // Empty if absent.
  const std::string& get(std::string_view key) const;
};
// Takes origin form ("/a?b=c") and absolute form ("http://host/a?b=c").
Target parse_target(std::string_view target);
// Adds "a=b&c=d"; what is there already stays.
void add_parameters(std::string_view text, Target& target);

// The content of the form field `name` in a multipart/form-data body (RFC 7578); nothing if there is none.
std::optional<std::string_view> multipart_field(std::string_view content_type, std::string_view body,
                                                std::string_view name);

// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, and <, >, &
// are escaped, as Go's encoding/json does.
std::string json_string(std::string_view text);
std::string json_array(const std::vector<std::string>& texts);

// "Not Found"; empty for a number without a name.
std::string_view status_text(int status);

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;  // CR and LF in values are written as spaces
  bool close = false;
};

// The bytes of a response; `head` leaves the body out and keeps its length.
std::string to_bytes(const HttpReply& reply, bool head, bool keep_alive,
                     std::chrono::system_clock::time_point now);

// A failed system call in Go's words: "connection refused".
std::string go_error_text(int errno_value);
// A string as Go's %q prints it.
std::string go_quoted(std::string_view text);

}  // namespace labctl::server
