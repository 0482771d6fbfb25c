#pragma once

// Connections, HTTP requests and gRPC health checks of probes, from the network namespace of a node: many at
// once on the main loop, each with one answer, worded as the kubelet (a Go program) words it. Redirects are
// followed as there (protocol::redirect_of). What a server sends is hostile: little of it is kept, and
// nothing
// is waited for beyond the timeout.
//
// Threads: the main loop's. A socket stays where it was opened, so the thread
// is in the namespace only for that.

#include "labctl/kubelet/container_probe.hpp"
#include "labctl/kubelet/probe_tls.hpp"
#include "labctl/loop/event_loop.hpp"
#include "probes/protocol/http.hpp"
#include "probes/protocol/url.hpp"
#include "topology/base/ip_address.hpp"
#include "topology/base/unique_fd.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace labctl::kubelet {

struct ProbeAnswer {
  ContainerHealth::Result result = ContainerHealth::Result::Failed;
  std::string text;  // why it failed; of one that passed a warning, mostly empty
};

struct SocketProbe {
  int netns_fd = -1;  // borrowed until it is done or cancelled: a redirect connects again
  IpAddress address;
  std::uint16_t port = 0;
  // Of an HTTP probe; none: connecting is all. `url` is for messages, `asked` the same in parts;
  // certificates of
  // https are not verified.
  std::optional<protocol::HttpRequest> request{};
  std::string url{};
  protocol::Url asked{};
  // Of a gRPC probe, instead of `request`: whose health is asked; "" is the server's.
  std::optional<std::string> grpc_service{};
  std::string user_agent{};  // of a gRPC probe
  std::chrono::milliseconds timeout{1'000};
};

class ProbeSockets {
 public:
  using Id = std::uint64_t;  // 0 is never given out
  using Done = std::function<void(ProbeAnswer)>;

  // What is read of a body; a status is enough to know.
  static constexpr std::uint64_t kBodyMax = 10 * 1024;

  // `loop` must outlive this.
  explicit ProbeSockets(loop::EventLoop& loop);
  ~ProbeSockets();
  ProbeSockets(const ProbeSockets&) = delete;
  ProbeSockets& operator=(const ProbeSockets&) = delete;

  // `done` is called once, not from inside ask(), unless cancelled.
  Id ask(SocketProbe probe, Done done);
  void cancel(Id id);

 private:
  struct Talk;

  std::optional<ProbeAnswer> open(Id id, Talk& talk);
  void watch(Id id, Talk& talk, std::uint32_t events);
  void take_events();
  void advance(Id id, Talk& talk);
  bool connect_through(Id id, Talk& talk);
  bool encrypt_through(Id id, Talk& talk);
  bool passes(Id id, Talk& talk, ProbeTls::State state);
  void ask_health(Id id, Talk& talk);
  bool send_through(Id id, Talk& talk);
  void read_reply(Id id, Talk& talk);
  void settle(Id id, Talk& talk);
  void finish(Id id, const ProbeAnswer& answer);
  void remove(Id id);

  loop::EventLoop& loop_;
  UniqueFd epoll_;  // made with the first probe, as is the watch of it
  loop::EventLoop::Id watch_ = 0;
  std::unordered_map<Id, std::unique_ptr<Talk>> talks_;
  Id next_ = 1;
};

}  // namespace labctl::kubelet
