#include "probes/server/agnhost_roles.hpp"

#include "probes/server/agnhost_flags.hpp"
#include "probes/server/http_text.hpp"
#include "topology/base/error.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

namespace labctl::server {
namespace {

using model::Protocol;
using Words = std::vector<std::string>;

// Nothing but the role's flags may follow its name.
void no_words(const Words& positional, const std::string& role) {
  if (!positional.empty()) {
    throw Error(ErrorKind::InvalidInput,
                "unknown command " + go_quoted(positional.front()) + " for " + go_quoted("app " + role));
  }
}

std::uint16_t to_port(int port, std::string_view flag) {
  if (port < 1 || port > 65535) {
    throw Error(ErrorKind::InvalidInput, "--" + std::string(flag) + ": invalid port " + std::to_string(port));
  }
  return static_cast<std::uint16_t>(port);
}

std::uint16_t parse_port(std::string_view text, const std::string& where) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) {
    throw Error(ErrorKind::InvalidInput, where + ": invalid port " + go_quoted(text));
  }
  return static_cast<std::uint16_t>(port);
}

[[noreturn]] void no_tls(const std::string& what) {
  throw Error(ErrorKind::Unsupported, what + ": the built-in server has no TLS",
              "serve without TLS, or map the image to a real program with the Cluster's images");
}

Role netexec(const Words& words) {
  Role role{.name = "netexec"};
  int http_port = 8080;
  int udp_port = 8081;
  int sctp_port = -1;
  int delay = 0;
  std::string certificate;
  std::string key;
  std::string udp_addresses;
  no_words(AgnhostFlags()
               .add("http-port", &http_port)
               .add("udp-port", &udp_port)
               .add("sctp-port", &sctp_port)
               .add("tls-cert-file", &certificate)
               .add("tls-private-key-file", &key)
               .add("http-override", &role.http_override)
               .add("udp-listen-addresses", &udp_addresses)
               .add("delay-shutdown", &delay)
               .parse(words),
           role.name);
  if (!certificate.empty()) {
    no_tls("netexec --tls-cert-file");
  }
  role.delay_shutdown = std::chrono::seconds(std::max(delay, 0));
  if (udp_port != -1) {
    Endpoint udp{
        .protocol = Protocol::Udp, .port = to_port(udp_port, "udp-port"), .service = Service::NetexecText};
    std::set<IpAddress> addresses;
    for (std::string_view rest = udp_addresses; !rest.empty();) {
      const std::string_view text = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(text.size() + 1, rest.size()));
      const auto address = IpAddress::parse(text);
      if (!address) {
        throw Error(ErrorKind::InvalidInput, "parseAddress: invalid address " + std::string(text));
      }
      addresses.insert(*address);
    }
    udp.addresses.assign(addresses.begin(), addresses.end());
    for (const IpAddress& address : udp.addresses) {
      role.banner.push_back("Started UDP server on port " + to_string(address) + " " +
                            std::to_string(udp_port));
    }
    if (udp.addresses.empty()) {
      role.banner.push_back("Started UDP server on port  " + std::to_string(udp_port));
    }
    role.endpoints.push_back(std::move(udp));
  }
  if (sctp_port != -1) {
    role.endpoints.push_back({.protocol = Protocol::Sctp,
                              .port = to_port(sctp_port, "sctp-port"),
                              .service = Service::NetexecText});
    role.banner.push_back("Started SCTP server");
  }
  role.endpoints.push_back({.port = to_port(http_port, "http-port"), .service = Service::NetexecHttp});
  role.banner.push_back("Started HTTP server on port " + std::to_string(http_port));
  return role;
}

Role serve_hostname(const Words& words) {
  Role role{.name = "serve-hostname"};
  bool tcp = false;
  bool udp = false;
  bool http = true;
  int port = 9376;
  no_words(AgnhostFlags()
               .add("tcp", &tcp)
               .add("udp", &udp)
               .add("http", &http)
               .add("close", &role.close_connections)
               .add("port", &port)
               .parse(words),
           role.name);
  if (http && (tcp || udp)) {
    throw Error(ErrorKind::InvalidInput, "Can't server TCP/UDP mode and HTTP mode at the same time",
                "add --http=false");
  }
  const std::uint16_t number = to_port(port, "port");
  if (tcp) {
    role.endpoints.push_back({.port = number, .service = Service::HostnameText});
  }
  if (udp) {
    role.endpoints.push_back({.protocol = Protocol::Udp, .port = number, .service = Service::HostnameText});
  }
  if (http) {
    role.endpoints.push_back({.port = number, .service = Service::HostnameHttp});
  }
  role.banner.push_back("Serving on port " + std::to_string(port) + ".");
  return role;
}

std::map<std::string, std::string> env_of(const RoleRequest& request) {
  return request.env ? request.env() : std::map<std::string, std::string>();
}

Role porter(const Words& words, const RoleRequest& request) {
  Role role{.name = "porter", .signal_exit_code = 2};
  bool json = false;
  no_words(AgnhostFlags().add("json-response", &json).parse(words), role.name);
  struct Prefix {
    std::string_view text;
    Protocol protocol;
    bool tls;
  };
  static constexpr std::array<Prefix, 5> kPrefixes{{{"SERVE_PORT_", Protocol::Tcp, false},
                                                    {"SERVE_TCP_PORT_", Protocol::Tcp, false},
                                                    {"SERVE_UDP_PORT_", Protocol::Udp, false},
                                                    {"SERVE_SCTP_PORT_", Protocol::Sctp, false},
                                                    {"SERVE_TLS_PORT_", Protocol::Tcp, true}}};
  for (const auto& [name, text] : env_of(request)) {
    for (const Prefix& prefix : kPrefixes) {
      if (!name.starts_with(prefix.text)) {
        continue;
      }
      if (prefix.tls) {
        no_tls("porter " + name);
      }
      const std::string_view number = std::string_view(name).substr(prefix.text.size());
      const Service service = prefix.protocol != Protocol::Tcp ? Service::FixedText
                              : json                           ? Service::MethodHttp
                                                               : Service::FixedHttp;
      role.endpoints.push_back(
          {.protocol = prefix.protocol, .port = parse_port(number, name), .service = service, .text = text});
      if (prefix.protocol == Protocol::Udp) {
        role.banner.push_back("Started UDP server on port " + std::string(number));
      } else if (prefix.protocol == Protocol::Sctp) {
        role.banner.push_back("Started SCTP server");
      }
    }
  }
  return role;
}

Role connect(const Words& words) {
  Role role{.name = "connect", .course = Course::Connect, .signal_exit_code = 2};
  std::string protocol = "tcp";
  std::string udp_data = "hostname";
  std::string sctp_data = "hostname";
  const Words positional = AgnhostFlags()
                               .add("timeout", &role.connect.timeout)
                               .add("protocol", &protocol)
                               .add("udp-data", &udp_data)
                               .add("sctp-data", &sctp_data)
                               .parse(words);
  if (positional.size() != 1) {
    throw Error(ErrorKind::InvalidInput, "accepts 1 arg(s), received " + std::to_string(positional.size()));
  }
  if (protocol == "udp") {
    role.connect.protocol = Protocol::Udp;
    role.connect.payload = udp_data + "\n";
  } else if (protocol == "sctp") {
    role.connect.protocol = Protocol::Sctp;
    role.connect.payload = sctp_data + "\n";
  } else if (!protocol.empty() && protocol != "tcp") {
    return {.name = "connect", .course = Course::Print, .output = "Unsupported protocol", .exit_code = 1};
  }
  const std::string& target = positional.front();
  const auto colon = target.rfind(':');
  std::string host = target.substr(0, colon == std::string::npos ? target.size() : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (colon == std::string::npos || host.find(':') != std::string::npos) {
    return {
        .name = "connect",
        .course = Course::Print,
        .output = "UNKNOWN: address " + target +
                  (colon == std::string::npos ? ": missing port in address" : ": too many colons in address"),
        .exit_code = 1};
  }
  role.connect.host = host;
  role.connect.port = parse_port(std::string_view(target).substr(colon + 1), "connect " + target);
  return role;
}

// The words after the first line of resolv.conf that begins with `keyword`, joined by commas.
Role resolver_list(const std::string& name, const Words& words, const std::string& keyword,
                   const RoleRequest& request) {
  Role role{.name = name, .course = Course::Print};
  no_words(AgnhostFlags().parse(words), name);
  for (std::string_view rest = request.resolv_conf; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with(keyword + " ")) {
      role.output = line.substr(keyword.size() + 1);
      for (char& c : role.output) {
        c = c == ' ' ? ',' : c;
      }
      return role;
    }
  }
  role.output = "panic: Could not find DNS search list!";
  role.exit_code = 2;
  return role;
}

Role etc_hosts(const Words& words, const RoleRequest& request) {
  no_words(AgnhostFlags().parse(words), "etc-hosts");
  return {.name = "etc-hosts", .course = Course::Print, .output = request.hosts};
}

Role no_snat_test(const Words& words, const RoleRequest& request) {
  Role role{.name = "no-snat-test", .signal_exit_code = 2};
  std::string port = "8080";
  no_words(AgnhostFlags().add("port", &port).parse(words), role.name);
  const std::map<std::string, std::string> env = env_of(request);
  const auto address_of = [&](const char* name) {
    const auto found = env.find(name);
    if (found == env.end()) {
      throw Error(ErrorKind::InvalidInput, std::string(name) + " env var was not present in the environment");
    }
    if (!IpAddress::parse(found->second)) {
      throw Error(ErrorKind::InvalidInput, std::string(name) + " env var contained " +
                                               go_quoted(found->second) + ", which is not an IP address");
    }
    return found->second;
  };
  role.pod_ip = address_of("POD_IP");
  role.node_ip = address_of("NODE_IP");
  role.endpoints.push_back({.port = parse_port(port, "--port"), .service = Service::NoSnatHttp});
  return role;
}

Role tcp_reset(const Words& words) {
  Role role{.name = "tcp-reset"};
  int port = 8080;
  no_words(AgnhostFlags().add("port", &port).parse(words), role.name);
  role.endpoints.push_back({.port = to_port(port, "port"), .service = Service::ResetAfterOne});
  role.banner.push_back("Serving on port " + std::to_string(port) + ".");
  return role;
}

Role pause(const Words& words) {
  Role role{.name = "pause", .signal_exit_code = 2, .banner = {"Paused"}};
  int delay = 0;
  no_words(AgnhostFlags().add("delay-shutdown", &delay).parse(words), role.name);
  role.delay_shutdown = std::chrono::seconds(std::max(delay, 0));
  return role;
}

}  // namespace

Role agnhost_role(const std::vector<std::string>& words, const RoleRequest& request) {
  const std::string name = words.empty() ? "pause" : words.front();
  const Words rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (name == "netexec") {
    return netexec(rest);
  }
  if (name == "serve-hostname") {
    return serve_hostname(rest);
  }
  if (name == "porter") {
    return porter(rest, request);
  }
  if (name == "connect") {
    return connect(rest);
  }
  if (name == "dns-suffix") {
    return resolver_list(name, rest, "search", request);
  }
  if (name == "dns-server-list") {
    return resolver_list(name, rest, "nameserver", request);
  }
  if (name == "etc-hosts") {
    return etc_hosts(rest, request);
  }
  if (name == "no-snat-test") {
    return no_snat_test(rest, request);
  }
  if (name == "tcp-reset") {
    return tcp_reset(rest);
  }
  if (name == "pause") {
    return pause(rest);
  }
  static const std::set<std::string, std::less<>> kOthers{"audit-proxy",
                                                          "crd-conversion-webhook",
                                                          "entrypoint-tester",
                                                          "fake-gitserver",
                                                          "grpc-health-checking",
                                                          "guestbook",
                                                          "inclusterclient",
                                                          "liveness",
                                                          "logs-generator",
                                                          "mounttest",
                                                          "net",
                                                          "nettest",
                                                          "no-snat-test-proxy",
                                                          "openidmetadata",
                                                          "port-forward-tester",
                                                          "resource-consumer-controller",
                                                          "test-webserver",
                                                          "webhook",
                                                          "mtlsclient",
                                                          "mtlsserver"};
  if (kOthers.contains(name)) {
    throw Error(ErrorKind::Unsupported, "agnhost " + name + ": the built-in server does not have this role",
                "map the image to a real program with the Cluster's images");
  }
  throw Error(ErrorKind::InvalidInput, "unknown command " + go_quoted(name) + " for \"app\"");
}

}  // namespace labctl::server
