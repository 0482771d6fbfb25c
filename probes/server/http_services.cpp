#include "probes/server/http_services.hpp"

#include <string>

namespace labctl::server {
namespace {

std::string peer_text(const HttpSession& session) {
  return to_string(session.peer().address, session.peer().port);
}

// Who answers, and what source it sees: for probers behind a hop that changes addresses.
void serve_probe(HttpSession& session) {
  HttpReply reply;
  const PodFacts* pod = session.core().find_pod(session.pod());
  reply.body = std::string(pod != nullptr ? pod->id : "") + "\n" + peer_text(session) + "\n";
  session.reply(reply);
}

void serve_fixed(HttpSession& session, std::string body, const char* content_type = nullptr) {
  HttpReply reply;
  reply.body = std::move(body);
  if (content_type != nullptr) {
    reply.content_type = content_type;
  }
  session.reply(reply);
}

}  // namespace

void serve_http(HttpSession& session, const HttpMessage& request) {
  Target target = parse_target(request.target);
  if (target.path == "/labctl/probe") {
    serve_probe(session);
    return;
  }
  switch (session.endpoint().service) {
    case Service::NetexecHttp:
      serve_netexec(session, request, std::move(target));
      break;
    case Service::StandInHttp:
      serve_stand_in(session, request, std::move(target));
      break;
    case Service::FixedHttp:
      serve_fixed(session, session.endpoint().text);
      break;
    case Service::StatusHttp: {
      HttpReply reply;
      reply.status = session.endpoint().status;
      reply.body = session.endpoint().text;
      reply.content_type = "application/json";
      session.reply(reply);
      break;
    }
    case Service::MethodHttp:
      serve_fixed(session,
                  "{\"Method\":" + json_string(request.method) +
                      ",\"Body\":" + json_string(session.endpoint().text) + "}",
                  "application/json");
      break;
    case Service::HostnameHttp: {
      session.core().log(session.container(), "HTTP request from " + peer_text(session));
      const PodFacts* pod = session.core().find_pod(session.pod());
      serve_fixed(session, pod != nullptr ? pod->hostname : "");
      break;
    }
    case Service::NoSnatHttp:
      serve_no_snat(session, target);
      break;
    case Service::NetexecText:
    case Service::FixedText:
    case Service::HostnameText:
    case Service::ResetAfterOne: {
      HttpReply reply;
      reply.status = 500;
      session.reply(reply);
      break;
    }
  }
}

}  // namespace labctl::server
