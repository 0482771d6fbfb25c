#pragma once

// The part of RFC 3986 that a probe needs: http(s)://host[:port][/path][?query].

#include <cstdint>
#include <string>
#include <string_view>

namespace labctl::protocol {

struct Url {
  std::string scheme;      // "http" or "https"
  std::string host;        // a name, or an address; IPv6 without brackets
  std::uint16_t port = 0;  // the scheme's own if the text has none
  std::string path;        // as it goes on the request line, with the query: at least "/"
  bool operator==(const Url&) const = default;
};

// Throws Error InvalidInput with a hint: another scheme, no host, a bad port, a user name, control characters
// or blanks. A fragment is left out, as clients do.
Url parse_url(std::string_view text);

std::string to_string(const Url& url);

// What the Host header says: the port only if it is not the scheme's own, IPv6 in brackets.
std::string host_header(const Url& url);

}  // namespace labctl::protocol
