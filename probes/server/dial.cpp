// /dial of netexec: the pod asks another, as often as it is told, one after the other.

#include "probes/server/exchange.hpp"
#include "probes/server/http_services.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace labctl::server {
namespace {

// Enough for any count a test asks for; at 5 s each even these would take half a day.
constexpr int kMaxTries = 10'000;
// All answers of one call together.
constexpr std::size_t kMaxCollected = 8 * 1024 * 1024;

void refuse(HttpSession& session, std::string why) {
  HttpReply reply;
  reply.status = 400;
  reply.body = std::move(why) + "\n";
  session.reply(reply);
}

std::optional<int> parse_int(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return text.empty() || error != std::errc() || end != text.data() + text.size() ? std::nullopt
                                                                                  : std::optional(number);
}

// One call under way. Owned by the callbacks of the exchange that runs; ends with the last of them.
struct Dial : std::enable_shared_from_this<Dial> {
  Core& core;
  SessionId asker;
  PodId pod;
  ContainerId container;
  Question question;
  std::string request;
  int tries_left = 1;
  std::vector<std::string> responses{};
  std::vector<std::string> errors{};
  std::size_t collected = 0;

  Dial(HttpSession& session, Question what)
      : core(session.core()),
        asker(session.id()),
        pod(session.pod()),
        container(session.container()),
        question(std::move(what)) {}

  void next() {
    auto* session = dynamic_cast<HttpSession*>(core.loop().find(asker));
    if (session == nullptr) {
      return;  // whoever asked has gone
    }
    if (tries_left-- <= 0 || collected > kMaxCollected) {
      session->reply(result());
      return;
    }
    // Through the mailbox, so that a thousand refusals in a row neither nest nor keep others waiting.
    core.poster()([self = shared_from_this()] {
      Exchange::begin(self->core, self->pod, self->container, self->question,
                      [self](Outcome outcome) { self->take(std::move(outcome)); });
    });
  }

  void take(Outcome outcome) {
    if (outcome.kind == Outcome::Kind::Answered) {
      collected += outcome.body.size();
      responses.push_back(std::move(outcome.body));
    } else {
      errors.push_back(in_words(outcome.error));
      collected += errors.back().size();
    }
    next();
  }

  std::string in_words(const std::string& error) const {
    switch (question.protocol) {
      case model::Protocol::Tcp:
        return "Get \"http://" + to_string(question.address, question.port) + question.http_target +
               "\": " + error;
      case model::Protocol::Udp:
        return error.starts_with("dial ") ? "udp dial failed. err:" + error
                                          : "reading from udp connection failed. err:'" + error + "'";
      case model::Protocol::Sctp:
        return error.starts_with("dial ") ? "sctp dial failed. err:" + error
                                          : "reading from sctp connection failed. err:'" + error + "'";
    }
    return error;
  }

  HttpReply result() const {
    std::string json = errors.empty() ? "" : "\"errors\":" + json_array(errors);
    if (!responses.empty()) {
      json += (json.empty() ? "" : ",") + ("\"responses\":" + json_array(responses));
    }
    HttpReply reply;
    reply.body = "{" + json + "}";
    return reply;
  }
};

void resolve_and_begin(HttpSession& session, const std::shared_ptr<Dial>& dial, const std::string& host) {
  Core& core = session.core();
  if (!core.hooks().resolve) {
    refuse(session, "host and/or port param are invalid. lookup " + host + ": no such host");
    return;
  }
  const auto done = [post = core.poster(), dial, host](std::vector<IpAddress> addresses) {
    post([dial, host, addresses = std::move(addresses)] {
      if (!addresses.empty()) {
        dial->question.address = addresses.front();
        dial->next();
      } else if (auto* asker = dynamic_cast<HttpSession*>(dial->core.loop().find(dial->asker))) {
        refuse(*asker, "host and/or port param are invalid. lookup " + host + ": no such host");
      }
    });
  };
  core.defer([&core, pod = session.pod(), host, done] { core.hooks().resolve(pod, host, done); });
}

}  // namespace

void serve_dial(HttpSession& session, const Target& target) {
  const std::string& tries_text = target.get("tries");
  const auto tries = tries_text.empty() ? std::optional(1) : parse_int(tries_text);
  if (!tries) {
    refuse(session,
           "tries parameter is invalid. strconv.Atoi: parsing " + go_quoted(tries_text) + ": invalid syntax");
    return;
  }
  if (*tries > kMaxTries) {
    refuse(session, "tries parameter is invalid. at most " + std::to_string(kMaxTries));
    return;
  }
  const std::string& request = target.get("request");
  if (request.empty()) {
    refuse(session, "request parameter not specified. <nil>");
    return;
  }
  std::string protocol = target.get("protocol");
  std::transform(protocol.begin(), protocol.end(), protocol.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  Question question;
  if (protocol.empty() || protocol == "http") {
    // What would break the request line is not for us to send.
    question.http_target = "/" + request;
    for (const unsigned char c : request) {
      if (c <= ' ' || c == 0x7f) {
        refuse(session, "request parameter is invalid. net/url: invalid control character in URL");
        return;
      }
    }
  } else if (protocol == "udp" || protocol == "sctp") {
    question.protocol = protocol == "udp" ? model::Protocol::Udp : model::Protocol::Sctp;
    question.payload = request;
  } else {
    refuse(session, "unsupported protocol. " + target.get("protocol"));
    return;
  }
  const auto port = parse_int(target.get("port"));
  if (!port || *port < 0 || *port > 65535) {
    refuse(session, "host and/or port param are invalid. address " + target.get("port") + ": invalid port");
    return;
  }
  question.port = static_cast<std::uint16_t>(*port);
  // An empty host is the pod itself, as for Go.
  const std::string host = target.get("host").empty() ? "127.0.0.1" : target.get("host");
  const auto address = IpAddress::parse(host);
  question.address = address.value_or(IpAddress());
  const auto dial = std::make_shared<Dial>(session, std::move(question));
  dial->tries_left = *tries;
  address ? dial->next() : resolve_and_begin(session, dial, host);
}

}  // namespace labctl::server
