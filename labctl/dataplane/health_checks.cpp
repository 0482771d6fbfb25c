#include "labctl/dataplane/health_checks.hpp"

#include "topology/base/error.hpp"
#include "topology/service/backends.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

namespace labctl::dataplane {
namespace {

std::string health_body(const model::ServiceKey& key, std::size_t ready) {
  return nlohmann::json{{"service", {{"namespace", key.ns}, {"name", key.name}}},
                        {"localEndpoints", ready},
                        {"serviceProxyHealthy", true}}
      .dump();
}

}  // namespace

void HealthChecks::set(const model::Service& service, std::span<const model::EndpointSlice* const> slices) {
  const std::uint16_t port = service.health_check_node_port;
  for (std::size_t node = 0; node < cluster_.nodes.size(); ++node) {
    set({service.key, node}, port, port == 0 ? 0 : service::ready_on(cluster_.nodes[node].name, slices));
  }
}

void HealthChecks::remove(const model::ServiceKey& service) {
  for (std::size_t node = 0; node < cluster_.nodes.size(); ++node) {
    set({service, node}, 0, 0);
  }
}

// Port 0: none.
void HealthChecks::set(const Place& place, std::uint16_t port, std::size_t ready) {
  const auto found = checks_.find(place);
  if (found != checks_.end()) {
    if (found->second.port == port && found->second.ready == ready) {
      return;
    }
    server_.stop(found->second.server, std::chrono::milliseconds(0));
    checks_.erase(found);
  }
  if (port != 0) {
    Check check{0, port, ready};
    start(place, check);
    checks_[place] = check;
  }
}

void HealthChecks::start(const Place& place, Check& check) {
  const auto& [service, node] = place;
  server::Role role;
  role.name = "health check of svc " + to_string(service);
  server::Endpoint endpoint;
  endpoint.port = check.port;
  endpoint.service = server::Service::StatusHttp;
  endpoint.status = check.ready > 0 ? 200 : 503;
  endpoint.text = health_body(service, check.ready);
  role.endpoints.push_back(std::move(endpoint));
  try {
    check.server = server_.start(nodes_.of(node), role);
  } catch (const Error& error) {
    spdlog::warn("{}: {}: {}", cluster_.nodes[node].name, role.name, error.what());
  }
}

}  // namespace labctl::dataplane
