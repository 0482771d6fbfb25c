#pragma once

// What a reply of HTTP sends a client to, by the rule of the kubelet's probes (pkg/probe/http,
// RedirectChecker):
// redirects that stay on the host are followed, one that leads elsewhere is an answer by itself, and after
// ten
// it is enough. Go's http.Client decides what a redirect is: 301, 302, 303, 307 or 308 with a Location.
//
// Pure.

#include "probes/protocol/http.hpp"
#include "probes/protocol/url.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace labctl::protocol {

inline constexpr std::size_t kRedirectsMax = 10;

struct Redirect {
  enum class Kind {
    None,       // the reply is the last one
    Follow,     // `to` is to be asked
    Elsewhere,  // to another host: not followed
    Bad,        // not followed, and a failure: `why`
  };
  Kind kind = Kind::None;
  Url to;
  std::string why;  // in the words of Go's client, such as "stopped after 10 redirects"
};

// `asked` is where the reply came from, `first_host` the host that was asked first, `requests` how many there
// were, with the one that was answered.
Redirect redirect_of(const HttpResponse& response, const Url& asked, std::string_view first_host,
                     std::size_t requests);

// A reference as it stands in a Location header, seen from `base` (RFC 3986 section 5.2). Blanks and what is
// no ASCII become percent-encoded. Throws Error InvalidInput as parse_url() does.
Url resolve_reference(const Url& base, std::string_view reference);

// The request that follows `request` to `to`: only HEAD stays what it was where a redirect changes methods,
// and
// the page that led there is its Referer. Headers of the first request go along, since the host is the same.
HttpRequest redirected_request(const HttpRequest& request, int status, const Url& from, const Url& to);

}  // namespace labctl::protocol
