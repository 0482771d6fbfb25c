#include "probes/protocol/redirect.hpp"

#include "topology/base/error.hpp"
#include "topology/base/percent.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace labctl::protocol {
namespace {

bool is_redirect(int status) {
  constexpr std::array kRedirects{301, 302, 303, 307, 308};
  return std::find(kRedirects.begin(), kRedirects.end(), status) != kRedirects.end();
}

bool equal_hosts(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// "http:", "mailto:": letters, digits and marks before a colon that no slash, question mark or hash precedes.
std::string_view scheme_of(std::string_view reference) {
  const std::size_t end = reference.find_first_of(":/?#");
  return end != std::string_view::npos && end > 0 && reference[end] == ':' ? reference.substr(0, end)
                                                                           : std::string_view();
}

// RFC 3986 section 5.2.4, of an absolute path.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> parts;
  bool ends_in_folder = false;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    ends_in_folder = part == "." || part == ".." || part.empty();
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (part != "." && part != ".." && (!part.empty() || end != path.size())) {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::string text;
  for (const std::string_view part : parts) {
    text += '/';
    text += part;
  }
  return ends_in_folder || text.empty() ? text + '/' : text;
}

bool stays_in_reference(char c) { return c != ' ' && static_cast<unsigned char>(c) < 0x80; }

// The path and query that a relative reference without a host leads to.
std::string path_from(const Url& base, std::string_view reference) {
  const std::string_view base_path = std::string_view(base.path).substr(0, base.path.find('?'));
  const std::size_t query = reference.find('?');
  const std::string_view path = reference.substr(0, query);
  const std::string rest(query == std::string_view::npos ? std::string_view() : reference.substr(query));
  if (reference.empty()) {
    return base.path;
  }
  if (path.empty()) {
    return std::string(base_path) + rest;
  }
  if (path.starts_with('/')) {
    return without_dots(path) + rest;
  }
  return without_dots(std::string(base_path.substr(0, base_path.rfind('/') + 1)) + std::string(path)) + rest;
}

}  // namespace

Url resolve_reference(const Url& base, std::string_view reference) {
  const std::string text = percent_encode(reference.substr(0, reference.find('#')), stays_in_reference);
  if (!scheme_of(text).empty()) {
    return parse_url(text);
  }
  if (text.starts_with("//")) {
    return parse_url(base.scheme + ":" + text);
  }
  Url url = base;
  url.path = path_from(base, text);
  return parse_url(to_string(url));  // what the header held is looked at as any other URL
}

Redirect redirect_of(const HttpResponse& response, const Url& asked, std::string_view first_host,
                     std::size_t requests) {
  const std::string* location = response.find_header("Location");
  if (!is_redirect(response.status) || location == nullptr || location->empty()) {
    return {};
  }
  Redirect redirect;
  try {
    redirect.to = resolve_reference(asked, *location);
  } catch (const Error& error) {
    const std::string_view scheme = scheme_of(*location);
    if (!scheme.empty() && !equal_hosts(scheme, "http") && !equal_hosts(scheme, "https")) {
      redirect.kind = Redirect::Kind::Elsewhere;
      return redirect;
    }
    redirect.kind = Redirect::Kind::Bad;
    redirect.why = "failed to parse Location header \"" + *location + "\": " + error.message();
    return redirect;
  }
  if (!equal_hosts(redirect.to.host, first_host)) {
    redirect.kind = Redirect::Kind::Elsewhere;
  } else if (requests >= kRedirectsMax) {
    redirect.kind = Redirect::Kind::Bad;
    redirect.why = "stopped after " + std::to_string(kRedirectsMax) + " redirects";
  } else {
    redirect.kind = Redirect::Kind::Follow;
  }
  return redirect;
}

HttpRequest redirected_request(const HttpRequest& request, int status, const Url& from, const Url& to) {
  HttpRequest next = request;
  next.path = to.path;
  next.host = host_header(to);
  if (status != 307 && status != 308) {
    next.method = request.method == "HEAD" ? "HEAD" : "GET";
    next.body.clear();
    std::erase_if(next.headers, [](const auto& header) {
      return equal_hosts(header.first, "Content-Length") || equal_hosts(header.first, "Content-Type") ||
             equal_hosts(header.first, "Transfer-Encoding");
    });
  }
  std::erase_if(next.headers, [](const auto& header) { return equal_hosts(header.first, "Referer"); });
  if (!(from.scheme == "https" && to.scheme == "http")) {  // a secret place is not told in the open
    next.headers.emplace_back("Referer", to_string(from));
  }
  return next;
}

}  // namespace labctl::protocol
