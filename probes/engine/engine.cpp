#include "probes/engine/engine.hpp"

#include "probes/engine/pace.hpp"
#include "probes/engine/worker.hpp"
#include "topology/base/error.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace labctl::engine {
namespace {

// With fewer probes than this a second thread costs more than it gains.
constexpr std::size_t kWorthAWorker = 64;
// Tokens have 16 bits for the slot.
constexpr std::uint32_t kMostInFlight = 0xffff;

// A quarter of what the process may open, shared by the workers: each connection has two ends here, and the
// lab holds descriptors of its own.
std::uint32_t in_flight(const EngineOptions& options, std::size_t workers) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t share = limit.rlim_cur / 4 / workers;
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(std::min<std::uint64_t>(share, options.in_flight), 16, kMostInFlight));
}

// The probes' indexes, those of one vantage together, in the order in which vantages first appear.
std::vector<std::uint32_t> by_vantage(std::span<const Probe> probes) {
  std::map<const Vantage*, std::uint32_t> rank;
  std::vector<std::uint32_t> ranks(probes.size());
  for (std::size_t i = 0; i < probes.size(); ++i) {
    ranks[i] = rank.try_emplace(probes[i].from, static_cast<std::uint32_t>(rank.size())).first->second;
  }
  std::vector<std::uint32_t> order(probes.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return ranks[a] < ranks[b]; });
  return order;
}

// Where the second worker's share begins, if the first's begins at `first` and `wanted` would be even. A cut
// may fall within a vantage, unless a source port is asked for there: two sockets cannot have the same.
std::size_t cut(std::span<const Probe> probes, const std::vector<std::uint32_t>& order, std::size_t wanted) {
  if (wanted == 0 || wanted >= order.size()) {
    return std::min(wanted, order.size());
  }
  const Vantage* vantage = probes[order[wanted - 1]].from;
  std::size_t begin = wanted;
  std::size_t end = wanted;
  bool fixed_port = false;
  for (; begin > 0 && probes[order[begin - 1]].from == vantage; --begin) {
    fixed_port = fixed_port || probes[order[begin - 1]].source_port != 0;
  }
  for (; end < order.size() && probes[order[end]].from == vantage; ++end) {
    fixed_port = fixed_port || probes[order[end]].source_port != 0;
  }
  return fixed_port ? end : wanted;
}

std::vector<std::vector<std::uint32_t>> shares(std::span<const Probe> probes, std::size_t workers) {
  const std::vector<std::uint32_t> order = by_vantage(probes);
  std::vector<std::vector<std::uint32_t>> parts;
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= workers; ++i) {
    const std::size_t end = std::max(begin, cut(probes, order, order.size() * i / workers));
    if (end > begin) {
      parts.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(begin),
                         order.begin() + static_cast<std::ptrdiff_t>(end));
    }
    begin = end;
  }
  return parts;
}

}  // namespace

Engine::Engine(server::Server* server, EngineOptions options)
    : server_(server), options_(options), pace_(std::make_unique<Pace>()) {}
Engine::~Engine() = default;

probes::OutcomeCounts Engine::run(std::span<const Probe> probes, const Done& done,
                                  const Cancel* cancel) const {
  Sink sink{done, {}, {}, {}, {}};
  const std::size_t wanted =
      std::clamp<std::size_t>(probes.size() / kWorthAWorker, 1, std::max(1u, options_.workers));
  EngineOptions of_each = options_;
  of_each.in_flight = in_flight(options_, wanted);
  std::vector<std::unique_ptr<Worker>> workers;
  for (std::vector<std::uint32_t>& share : shares(probes, wanted)) {
    workers.push_back(
        std::make_unique<Worker>(probes, std::move(share), server_, sink, cancel, *pace_, of_each));
  }
  std::vector<std::thread> threads;
  threads.reserve(workers.size());
  std::exception_ptr no_thread;
  try {
    for (const auto& worker : workers) {
      threads.emplace_back([&worker] { worker->run(); });
    }
  } catch (const std::system_error& error) {
    no_thread = std::make_exception_ptr(Error::from_errno(error.code().value(), "start probe worker"));
    sink.stop.request();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  if (no_thread != nullptr) {
    std::rethrow_exception(no_thread);
  }
  if (sink.failure != nullptr) {
    std::rethrow_exception(sink.failure);
  }
  return sink.counts;
}

}  // namespace labctl::engine
