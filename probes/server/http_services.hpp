#pragma once

// What a request to the built-in server means, by the service of its port. Each answers through
// HttpSession::reply(), at once or later.

#include "probes/server/http_parser.hpp"
#include "probes/server/http_session.hpp"
#include "probes/server/http_text.hpp"

namespace labctl::server {

void serve_http(HttpSession& session, const HttpMessage& request);

// The parts, a file each.
void serve_netexec(HttpSession& session, const HttpMessage& request, Target target);
void serve_stand_in(HttpSession& session, const HttpMessage& request, Target target);
void serve_dial(HttpSession& session, const Target& target);
void serve_no_snat(HttpSession& session, const Target& target);

}  // namespace labctl::server
