#include "labctl/probing/matrix_run.hpp"

#include "labctl/probing/resolve_probe.hpp"
#include "probes/matrix/wanted.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace labctl::probing {
namespace {

using matrix::ReachMatrix;
using probes::Outcome;
using protocol::ProbeProtocol;

// Of a matrix that is larger, some rows at a time: a probe takes some hundred bytes.
constexpr std::size_t kProbesAtOnce = std::size_t{1} << 18;

struct MatrixPlan {
  std::vector<const Place*> sources;
  std::vector<const Place*> destinations;
  engine::Probe like;
};

// Cell i of a matrix, row by row.
struct Cell {
  std::size_t row = 0;
  std::size_t column = 0;
};

Cell cell_of(const MatrixPlan& plan, std::uint64_t number) {
  return {number / plan.destinations.size(), number % plan.destinations.size()};
}

matrix::End end_of(const Place& place) {
  return {.is_outside = place.kind == PlaceKind::Outside, .on_host_network = place.on_host_network};
}

std::vector<const Place*> chosen(const VantageTable& table, const std::vector<std::string>& ids,
                                 bool pods_only) {
  std::vector<const Place*> places;
  for (const std::string& id : ids) {
    places.push_back(&table.place(id));
  }
  if (!ids.empty()) {
    return places;
  }
  for (const VantageTable::PlacePtr& place : table.places()) {
    if ((!pods_only || place->kind == PlaceKind::Pod) && !place->is_labs_own) {
      places.push_back(place.get());
    }
  }
  return places;
}

// A probe for each family that both ends have; without one in common, to the first address there is.
void add_matrix_probes(std::vector<engine::Probe>& probes, const VantageTable& table, const MatrixPlan& plan,
                       std::uint64_t number) {
  const auto [row, column] = cell_of(plan, number);
  const Place& from = *plan.sources[row];
  const Place& to = *plan.destinations[column];
  engine::Probe probe = plan.like;
  probe.from = &table.vantage(from.id);
  probe.id = number;
  if (probe.port == 0) {
    probe.port = declared_port(to, probe.protocol).value_or(0);
  }
  if (probe.port == 0) {
    probe.protocol = ProbeProtocol::Icmp;  // a pod that declares no port is asked for an echo
  }
  const std::size_t before = probes.size();
  for (const IpAddress& address : to.addresses) {
    const bool is_shared =
        std::any_of(from.addresses.begin(), from.addresses.end(),
                    [&](const IpAddress& own) { return own.family() == address.family(); });
    if (is_shared) {
      probe.address = address;
      probes.push_back(probe);
    }
  }
  if (probes.size() == before) {
    probe.address = to.addresses.empty() ? IpAddress() : to.addresses.front();
    probes.push_back(probe);
  }
}

MatrixPlan plan_matrix(const VantageTable& table, const api::MatrixRequest& request) {
  MatrixPlan plan;
  plan.like.protocol = request.protocol.value_or(ProbeProtocol::Tcp);
  plan.like.port = plan.like.protocol == ProbeProtocol::Icmp ? 0 : request.port;
  plan.like.timeout = request.timeout;
  plan.sources = chosen(table, request.from, false);
  plan.destinations = chosen(table, request.to, true);
  return plan;
}

std::vector<std::string> ids_of(const std::vector<const Place*>& places) {
  std::vector<std::string> ids;
  for (const Place* place : places) {
    ids.push_back(place->id);
  }
  return ids;
}

// Nothing seen yet, and in each cell what should be.
ReachMatrix blank_matrix(const MatrixPlan& plan, const Cancel* gone) {
  ReachMatrix reach(ids_of(plan.sources), ids_of(plan.destinations));
  for (std::size_t row = 0; row < plan.sources.size(); ++row) {
    throw_if_requested(gone);
    for (std::size_t column = 0; column < plan.destinations.size(); ++column) {
      reach.want(row, column,
                 matrix::wanted_outcome(end_of(*plan.sources[row]), end_of(*plan.destinations[column])));
    }
  }
  return reach;
}

void take(const MatrixPlan& plan, const engine::Result& result, ReachMatrix& reach) {
  const auto [row, column] = cell_of(plan, result.probe->id);
  const Place& from = *plan.sources[row];
  const Place& to = *plan.destinations[column];
  // An answer counts only from the pod that was asked.
  const bool is_another = !result.backend.empty() && result.backend != to.id && !to.on_host_network;
  const Place* ended = from.has_ended() ? &from : to.has_ended() ? &to : nullptr;
  reach.see(row, column,
            {is_another ? Outcome::WrongAnswer : result.outcome, is_another ? result.backend : "",
             ended != nullptr ? ended->id + " ended meanwhile" : result.reason});
}

}  // namespace

api::MatrixReply run_matrix(const engine::Engine& engine, const VantageTable& table,
                            const api::MatrixRequest& request, const Cancel* gone) {
  const MatrixPlan plan = plan_matrix(table, request);
  const std::size_t cells = plan.sources.size() * plan.destinations.size();
  api::MatrixReply reply{blank_matrix(plan, gone), 0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<engine::Probe> probes;
  for (std::size_t cell = 0; cell < cells;) {
    probes.clear();
    for (; cell < cells && probes.size() < kProbesAtOnce; ++cell) {
      throw_if_requested(gone);
      add_matrix_probes(probes, table, plan, cell);
    }
    engine.run(
        probes,
        [&](const engine::Result& result) {
          throw_if_requested(gone);  // ends the run
          take(plan, result, reply.reach);
        },
        gone);
  }
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - begin;
  reply.elapsed_ms = elapsed.count();
  return reply;
}

}  // namespace labctl::probing
