// no-snat-test of agnhost: /whoami says which source a caller has; /checknosnat asks others the same about
// this pod, and finds out whether somebody on the way changed it.

#include "probes/server/exchange.hpp"
#include "probes/server/http_services.hpp"

#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace labctl::server {
namespace {

// More peers than a lab has pods on a node.
constexpr std::size_t kMaxPeers = 4096;

struct Peers {
  std::string text;
  IpAddress address;
  std::uint16_t port = 80;
};

// "10.0.0.1:8080", "[2001:db8::1]:8080", or an address alone for port 80.
std::optional<Peers> parse_peer(const std::string& text) {
  Peers peer{text, {}, 80};
  std::string host = text;
  const auto colon = text.rfind(':');
  const bool many = colon != std::string::npos && text.find(':') != colon;
  if (colon != std::string::npos && (!many || (colon > 0 && text[colon - 1] == ']'))) {
    host = text.substr(0, colon);
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, peer.port);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return std::nullopt;
    }
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = IpAddress::parse(host);
  if (!address) {
    return std::nullopt;
  }
  peer.address = *address;
  return peer;
}

struct Check : std::enable_shared_from_this<Check> {
  Core& core;
  SessionId asker;
  PodId pod;
  ContainerId container;
  std::string pod_ip;
  std::string node_ip;
  std::vector<std::string> peers{};
  std::size_t at = 0;
  std::string errors{};

  explicit Check(HttpSession& session)
      : core(session.core()),
        asker(session.id()),
        pod(session.pod()),
        container(session.container()),
        pod_ip(session.role().pod_ip),
        node_ip(session.role().node_ip) {}

  void next() {
    auto* session = dynamic_cast<HttpSession*>(core.loop().find(asker));
    if (session == nullptr) {
      return;
    }
    if (at == peers.size()) {
      HttpReply reply;
      reply.status = errors.empty() ? 200 : 500;
      reply.body = errors;
      session->reply(reply);
      return;
    }
    core.poster()([self = shared_from_this()] { self->ask(self->peers[self->at++]); });
  }

  void ask(const std::string& text) {
    const auto peer = parse_peer(text);
    const std::string url = "http://" + text + "/whoami";
    if (!peer) {
      add_error("Get " + go_quoted(url) + ": invalid address");
      next();
      return;
    }
    Question question{.address = peer->address, .port = peer->port, .http_target = "/whoami"};
    Exchange::begin(core, pod, container, std::move(question),
                    [self = shared_from_this(), url](Outcome outcome) {
                      self->judge(url, outcome);
                      self->next();
                    });
  }

  void judge(const std::string& url, const Outcome& outcome) {
    if (outcome.kind != Outcome::Kind::Answered) {
      add_error("Get " + go_quoted(url) + ": " + outcome.error);
      return;
    }
    // Without its port; and without the brackets of IPv6, which agnhost forgets.
    std::string seen = outcome.body.substr(0, outcome.body.rfind(':'));
    if (seen.size() > 2 && seen.front() == '[' && seen.back() == ']') {
      seen = seen.substr(1, seen.size() - 2);
    }
    if (seen == pod_ip) {
      return;
    }
    const std::string begin = "Returned ip " + go_quoted(seen) + " != my Pod ip " + go_quoted(pod_ip);
    add_error(seen == node_ip
                  ? begin + ", == my Node ip " + go_quoted(node_ip) + " - SNAT"
                  : begin + " or my Node ip " + go_quoted(node_ip) +
                        " - SNAT to unexpected ip (possible SNAT through unexpected interface on the way "
                        "into another node)");
  }

  void add_error(const std::string& error) { errors += (errors.empty() ? "" : ", ") + error; }
};

}  // namespace

void serve_no_snat(HttpSession& session, const Target& target) {
  HttpReply reply;
  if (target.path == "/whoami") {
    reply.body = to_string(session.peer().address, session.peer().port);
    session.reply(reply);
    return;
  }
  if (target.path != "/checknosnat") {
    reply.status = 404;
    reply.body = "404 page not found\n";
    session.reply(reply);
    return;
  }
  const auto check = std::make_shared<Check>(session);
  std::string_view rest = target.get("ips");
  do {
    const std::string_view text = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    check->peers.emplace_back(text);
  } while (!rest.empty() && check->peers.size() < kMaxPeers);
  check->next();
}

}  // namespace labctl::server
