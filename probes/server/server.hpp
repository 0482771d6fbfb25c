#pragma once

// The built-in server: the other end of every probe, and what runs in a pod whose image is agnhost or unknown
// (network model §18). Listening sockets live in the pods' network namespaces; one event loop on one
// thread serves them all, so a pod costs its sockets and a few hundred bytes, and no process. Nodes and
// outside hosts are "pods" here too.
//
// Threads:
//  - The constructor starts the loop thread, the destructor joins it.
//  - add_pod, remove_pod, start, stop: from any thread whose network namespace is the one in which the
//    server was made. start() visits the pod's namespace on the calling thread and is back when it returns
//    or throws.
//  - Hooks run without any lock, on the loop thread, except that start() prints its first lines on the
//    caller's. They may be called for a container just stopped or removed; its id is never given out again.
//    They must not call the server, except through the `done` functions they were given: pass the news on
//    to a thread of your own.
//  - find_listener, describe, claim, claim_any, release, serve_udp, name_of and QuietAccepts: from any
//    thread, in any namespace, at any time, also while pods come and go. They never wait for the loop thread
//    or for control calls on other pods, and do not throw.
//
// Probing from this process, the fast way. A prober connects, then takes the connection from the accept queue
// of the destination itself: which queue it lay in says which pod answered, its peer address says which
// source the pod saw, and not a byte crossed the wire.
//
//   Server::QuietAccepts quiet(server);            // once for a whole run, by each prober thread
//   connect(fd, ...);  getsockname(fd, &client);   // fd in the source's namespace
//   auto listener = server.find_listener(address, Protocol::Tcp, port);
//   if (auto answer = server.claim(*listener, client)) ...   // or claim_any(client) behind a Service
//
// A hop that masquerades changes the source, so nothing matches `client`. Then call release() and ask over
// the connection itself: `GET /labctl/probe` on a port that speaks HTTP is answered with two text lines, the
// pod's id and the "ip:port" it saw. TCP ports that do not speak HTTP (serve-hostname --tcp writes the
// hostname, tcp-reset writes nothing) have no such question: there the source stays unknown, and the backend
// is known only if it wrote its name. Every UDP port answers the datagram "labctl-probe <token>" with
// "labctl-probe <token> <pod id> <ip:port seen>".

#include "probes/server/role.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/model/protocol.hpp"

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::server {

// Never 0, never given out twice by one server.
using PodId = std::uint32_t;
using ContainerId = std::uint32_t;

struct Identity {
  std::string id;        // the vantage: "pod/default/a", "node/node-1", "outside/www"
  std::string hostname;  // what /hostname answers
  std::string ns;
  std::string name;
  std::vector<IpAddress> addresses;  // all that others may connect to; an IPv6 one makes sockets dual-stack
  int netns_fd = -1;  // borrowed: stays open until remove_pod() has returned; -1: the server's own
};

// One listening (or bound UDP) socket. Stale ids are recognised: what they
// are given to answers as for absent.
struct ListenerId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  bool operator==(const ListenerId&) const = default;
};

struct ListenerView {
  PodId pod = 0;
  model::Protocol protocol = model::Protocol::Tcp;
  std::uint16_t port = 0;
  bool http = false;  // answers /labctl/probe
};

// Who answered a probe, and what it saw.
struct Answer {
  PodId backend = 0;
  IpAddress source;
  std::uint16_t source_port = 0;
};

struct ShellResult {
  std::string output;
  std::string error;  // empty: it ran and exited 0
};

// All are optional.
struct Hooks {
  // One line of a container's log, without its newline. Request lines are bounded: see kLogLinesPerSecond.
  std::function<void(ContainerId, std::string_view line)> output;
  // The container ended by itself or by stop(); its sockets are closed. May come
  // before start() has returned the id.
  std::function<void(ContainerId, int exit_code)> exited;
  // netexec /shell: run `sh -c command` in the pod. `done` may be called from any thread, once, also after
  // the server is gone. Without this hook /shell answers with an error.
  std::function<void(ContainerId, const std::string& command, std::function<void(ShellResult)> done)>
      run_shell;
  // Name to addresses, as a process of the pod would resolve it. Same rules.
  // Without it only addresses can be dialled.
  std::function<void(PodId, const std::string& name, std::function<void(std::vector<IpAddress>)> done)>
      resolve;
  // netexec /upload: the file; what it returns is the "output", a path in agnhost's case. Without it /upload
  // answers with a name made up for the file, which is not kept.
  std::function<std::string(ContainerId, std::string_view content)> upload;
};

class Core;  // the workings: see core.hpp

class Server {
 public:
  // Request log lines a container may print a second; the rest is counted and left out.
  static constexpr int kLogLinesPerSecond = 50;

  // Throws Error (Kernel) without descriptors or threads.
  explicit Server(Hooks hooks = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Makes the pod known; opens nothing. Throws Error: Busy when the server holds all the pods it can.
  PodId add_pod(Identity identity);
  // Ends everything of the pod at once and without exit hooks. When this returns no socket of the pod is open
  // here. Unknown ids are ignored.
  void remove_pod(PodId pod);

  // Opens all sockets of the role in the pod's namespace, and serves. All or nothing. The banner goes to
  // Hooks::output before this returns. Roles that end by themselves (Course::Print, Course::Connect) end
  // through Hooks::exited. Throws Error: NotFound for an unknown pod; Busy "listen tcp :80: bind: address
  // already in use"; Unsupported for SCTP on a kernel without it; Permission, Kernel as the socket calls say.
  ContainerId start(PodId pod, const Role& role);

  // As SIGTERM and, after `grace`, SIGKILL. Ends at once unless the role delays its shutdown; the code in
  // Hooks::exited is the role's, or 137 if the grace period ended first or was zero. Unknown ids are ignored.
  void stop(ContainerId container, std::chrono::milliseconds grace);

  // What listens on a pod's address. Cheap; safe from any thread.
  std::optional<ListenerId> find_listener(const IpAddress& address, model::Protocol protocol,
                                          std::uint16_t port) const noexcept;
  std::optional<ListenerView> describe(ListenerId listener) const noexcept;
  // The id given to add_pod, also after the pod has gone; empty for an id never
  // given out. Valid while the server is.
  std::string_view name_of(PodId pod) const noexcept;

  // The connection on `listener` whose peer is `client` (the prober's own getsockname), which is reset. Other
  // connections met on the way wait for their own claim; those nobody claims within a few ms go to the loop.
  // Nothing if there is none (yet): not accepted by the kernel, another source address, or the pod has gone.
  // TCP and SCTP; call it while holding a QuietAccepts, else the loop is likely to be first.
  std::optional<Answer> claim(ListenerId listener, const sockaddr_storage& client) noexcept;
  // As claim(), on whichever listener of the lab: for destinations behind a Service.
  std::optional<Answer> claim_any(const sockaddr_storage& client) noexcept;
  // Gives the loop, at once, every connection that waits to be claimed and can be asked by HTTP who it is.
  // Another prober that would have claimed one of them asks, too.
  void release() noexcept;

  // Receives and answers what is pending on a UDP socket, on the calling thread; how many datagrams were
  // answered. Without this the loop does it, in quiet times within a few ms.
  int serve_udp(ListenerId listener) noexcept;

  // While one lives, new connections and datagrams do not wake the loop thread; it only
  // looks every few ms, so that ordinary clients are served a little later. Any number may
  // live at once. The server must outlive it.
  class QuietAccepts {
   public:
    explicit QuietAccepts(Server& server) noexcept;
    ~QuietAccepts();
    QuietAccepts(const QuietAccepts&) = delete;
    QuietAccepts& operator=(const QuietAccepts&) = delete;
    // Looks now instead of waiting for the loop to do so. Not required.
    void drain() noexcept;

   private:
    Server& server_;
  };

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace labctl::server
