#include "probes/protocol/url.hpp"

#include "topology/base/error.hpp"
#include "topology/base/ip_address.hpp"

#include <algorithm>
#include <charconv>

namespace labctl::protocol {
namespace {

constexpr std::string_view kHint = "write http://HOST[:PORT]/PATH, with an IPv6 address in brackets";

std::uint16_t scheme_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

Error bad(std::string_view text, std::string_view cause) {
  return Error(ErrorKind::InvalidInput, "URL \"" + std::string(text) + "\": " + std::string(cause),
               std::string(kHint));
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

}  // namespace

Url parse_url(std::string_view text) {
  Url url;
  const std::size_t colon = text.find("://");
  url.scheme = std::string(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (url.scheme != "http" && url.scheme != "https") {
    throw bad(text, "the scheme is not http or https");
  }
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; })) {
    throw bad(text, "a blank or control character");
  }
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, path);
  url.path = path == std::string_view::npos ? "/" : std::string(rest.substr(path));
  if (url.path.front() == '?') {
    url.path.insert(0, "/");
  }
  if (authority.find('@') != std::string_view::npos) {
    throw bad(text, "a user name is not supported");
  }
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    const auto address = IpAddress::parse(authority.substr(1, end == std::string_view::npos ? 0 : end - 1));
    if (!address || address->family() != Family::IPv6) {
      throw bad(text, "no IPv6 address in the brackets");
    }
    url.host = std::string(authority.substr(1, end - 1));
    authority.remove_prefix(end + 1);
    if (!authority.empty() && authority.front() != ':') {
      throw bad(text, "something other than a port after the brackets");
    }
    has_port = !authority.empty();
    port = authority.substr(has_port ? 1 : 0);
  } else {
    const std::size_t separator = authority.find(':');
    has_port = separator != std::string_view::npos;
    url.host = std::string(authority.substr(0, separator));
    port = has_port ? authority.substr(separator + 1) : std::string_view();
    if (!is_host_name(url.host)) {
      throw bad(text, "the host is missing or no host name");
    }
  }
  url.port = scheme_port(url.scheme);
  if (has_port) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
      throw bad(text, "the port is not a number from 1 to 65535");
    }
  }
  return url;
}

std::string to_string(const Url& url) { return url.scheme + "://" + host_header(url) + url.path; }

std::string host_header(const Url& url) {
  const std::string host = bracketed(url.host);
  return url.port == scheme_port(url.scheme) ? host : host + ':' + std::to_string(url.port);
}

}  // namespace labctl::protocol
