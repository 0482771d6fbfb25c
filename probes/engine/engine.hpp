#pragma once

// Many probes at once, from many network namespaces, out of one process; README.md of this
// folder says why so.
//
// A TCP probe is a nonblocking connect and one look: over veth the whole handshake runs inside connect(2).
// The few that are not ready go to epoll with a deadline. Who answered is read from the built-in server's own
// accept queues (probes/server/server.hpp), so nothing is sent. UDP and ICMP share one socket a vantage and
// go out in batches.
//
//   run() ──┬── worker 1: probes of vantages a, b, c
//           └── worker 2: probes of vantages d, e, f
//
//   a worker: a burst of starts -> send batches -> events -> deadlines -> the next burst ...
//
// Threads: run() starts its workers and joins them before it returns; none lives on in between, and
// the calling thread never leaves its namespace. Several threads may call run() of one engine at
// once. While workers start connections, the server's loop thread is kept quiet
// (Server::QuietAccepts); while they wait, it is not.
//
// Every probe gets exactly one result, whatever happens. A loss is only reported if nothing had arrived when
// the time was over: what is there is read before deadlines are looked at, however late the worker is itself.

#include "probes/engine/probe.hpp"
#include "probes/engine/result.hpp"
#include "probes/outcome/outcome_counts.hpp"
#include "topology/base/cancel.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace labctl::server {
class Server;
}

namespace labctl::engine {

class Pace;

struct EngineOptions {
  // More than two gain little: connects meet in the kernel's shared locks. Measured up to two.
  unsigned workers = 2;
  // Probes a worker keeps waiting at once, sockets and all; less where RLIMIT_NOFILE wants it.
  std::uint32_t in_flight = 4096;
  // What something that may be the built-in server is given to say who it is, within the probe's timeout. The
  // server needs a few milliseconds; one of another kind that waits for more must not hold a probe up.
  std::chrono::milliseconds ask_timeout{500};
};

class Engine {
 public:
  // `server` may be null: then nobody's name is learnt but by the replies of
  // udp. Borrowed for the engine's life.
  explicit Engine(server::Server* server, EngineOptions options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Called once a probe, in order of completion, by the workers but never by two at once. The result is valid
  // during the call. Should return soon: its worker waits.
  using Done = std::function<void(const Result&)>;

  // Probes all, and returns when `done` has been called for each; the counts are those of the results'
  // outcomes. After a cancel, what is unfinished is inconclusive, "cancelled". What `done` throws cancels the
  // run and is thrown here, and `done` is not called again. Throws Error (Kernel) if threads or descriptors
  // for the workers cannot be had.
  probes::OutcomeCounts run(std::span<const Probe> probes, const Done& done,
                            const Cancel* cancel = nullptr) const;

 private:
  server::Server* server_;
  EngineOptions options_;
  std::unique_ptr<Pace> pace_;  // of all runs together
};

}  // namespace labctl::engine
