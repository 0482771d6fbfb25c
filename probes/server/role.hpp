#pragma once

// What a container of the built-in server does: which ports it serves and how, or what it prints before it
// ends. Decided purely from the Pod's own words: an agnhost image speaks through its arguments and
// environment, any other image through its declared ports. Semantics: network model §18; flags as
// agnhost 2.4x has them.

#include "topology/base/ip_address.hpp"
#include "topology/model/pod.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace labctl::server {

// How one listening socket answers.
enum class Service : std::uint8_t {
  NetexecHttp,    // TCP: the HTTP API of netexec
  StandInHttp,    // TCP: what of it tells who answers and whom it sees; every other path is 200
  NetexecText,    // UDP, SCTP: "hostname", "echo <text>", "clientip"
  FixedHttp,      // TCP: `text` as the body of every HTTP answer (porter)
  StatusHttp,     // TCP: as FixedHttp, a JSON text with a status of its own (health checks of nodes)
  MethodHttp,     // TCP: as FixedHttp, in JSON with the request's method (porter --json-response)
  FixedText,      // SCTP: `text` to whoever connects; UDP: `text` for every datagram (porter)
  HostnameHttp,   // TCP: the hostname as the body of every HTTP answer
  HostnameText,   // TCP: the hostname to whoever connects; UDP: the hostname for every datagram
  NoSnatHttp,     // TCP: /whoami and /checknosnat
  ResetAfterOne,  // TCP: reads one byte and closes
};

// Whether a TCP port with this service speaks HTTP/1.1, and so answers /labctl/probe.
bool speaks_http(Service service);

struct Endpoint {
  model::Protocol protocol = model::Protocol::Tcp;
  std::uint16_t port = 0;
  Service service = Service::NetexecHttp;
  std::string text{};                  // of FixedHttp, StatusHttp and FixedText
  int status = 200;                    // of StatusHttp
  std::vector<IpAddress> addresses{};  // bind to these; empty: to every address of the namespace
  bool operator==(const Endpoint&) const = default;
};

// `connect`: one attempt, then the container ends.
struct ConnectTask {
  std::string host{};  // an address or a name
  std::uint16_t port = 0;
  model::Protocol protocol = model::Protocol::Tcp;
  std::chrono::milliseconds timeout{0};  // 0: as long as the kernel tries
  std::string payload{};                 // of udp and sctp; an answer must come
  bool operator==(const ConnectTask&) const = default;
};

enum class Course : std::uint8_t {
  Serve,    // until stopped; without endpoints it just waits, as pause does
  Print,    // prints `output`, exits with `exit_code`
  Connect,  // does `connect`, exits 0 or 1
};

struct Role {
  std::string name{};  // "netexec", "porter", "declared ports", "pause", ...
  Course course = Course::Serve;
  std::vector<Endpoint> endpoints{};
  ConnectTask connect{};
  std::string output{};
  int exit_code = 0;
  std::string http_override{};  // netexec: serve this path whatever is asked; empty: off
  std::chrono::seconds delay_shutdown{0};
  int signal_exit_code = 0;           // the exit code after SIGTERM
  std::string pod_ip{};               // no-snat-test: from POD_IP
  std::string node_ip{};              // no-snat-test: from NODE_IP
  bool close_connections = false;     // serve-hostname --close: one answer a connection
  std::vector<std::string> banner{};  // lines printed once the sockets are open
  bool operator==(const Role&) const = default;
};

// The container in its own words.
struct RoleRequest {
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  // Complete: fieldRefs resolved, service variables in it. Asked only by roles that read it, once: with many
  // Services it is long. Unset: empty.
  std::function<std::map<std::string, std::string>()> env;
  std::vector<model::ContainerPort> ports;
  std::string resolv_conf;  // text of the pod's /etc/resolv.conf, for dns-suffix and dns-server-list
  std::string hosts;        // text of the pod's /etc/hosts, for etc-hosts
};

// Throws Error: InvalidInput with agnhost's own words for a bad flag or role (the container would exit 1),
// Unsupported for a role or flag that is not built (TLS).
Role role_of(const RoleRequest& request);

}  // namespace labctl::server
