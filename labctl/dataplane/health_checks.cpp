// The health checks that nodes answer, for balancers outside that ask which of them have endpoints of a
// Service (network model §8.4).

#include "labctl/dataplane/service_proxy.hpp"
#include "topology/base/error.hpp"
#include "topology/plan/fabric.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace labctl::dataplane {
namespace {

using model::ServiceKey;

std::string health_body(const ServiceKey& key, std::size_t ready) {
  return nlohmann::json{{"service", {{"namespace", key.ns}, {"name", key.name}}},
                        {"localEndpoints", ready},
                        {"serviceProxyHealthy", true}}
      .dump();
}

}  // namespace

void ServiceProxy::update_health(const Known& known) {
  const ServiceKey& key = known.service.key;
  const std::uint16_t port = known.is_gone() ? std::uint16_t{0} : known.service.health_check_node_port;
  const Slices slices = known.slice_list();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const auto found = health_.find({key, i});
    const std::size_t ready = port == 0 ? 0 : service::ready_on(nodes_[i].program.viewer.node, slices);
    if (found != health_.end() && found->second.port == port && found->second.ready == ready) {
      continue;
    }
    if (found != health_.end()) {
      server_.stop(found->second.server, std::chrono::milliseconds(0));
      health_.erase(found);
    }
    if (port != 0) {
      HealthCheck check{0, port, ready};
      start_health(i, key, check);
      health_[{key, i}] = check;
    }
  }
}

server::PodId ServiceProxy::server_of(std::size_t node) {
  NodeState& state = nodes_[node];
  if (!state.server) {
    const model::Node& which = cluster_.nodes[node];
    server::Identity identity;
    identity.id = plan::node_id(which.name);
    identity.hostname = which.name;
    identity.name = which.name;
    identity.addresses = which.addresses;
    identity.netns_fd = fabric_.namespace_fd(identity.id);
    state.server = server_.add_pod(std::move(identity));
  }
  return *state.server;
}

void ServiceProxy::start_health(std::size_t node, const ServiceKey& key, HealthCheck& check) {
  server::Role role;
  role.name = "health check of svc " + to_string(key);
  server::Endpoint endpoint;
  endpoint.port = check.port;
  endpoint.service = server::Service::StatusHttp;
  endpoint.status = check.ready > 0 ? 200 : 503;
  endpoint.text = health_body(key, check.ready);
  role.endpoints.push_back(std::move(endpoint));
  try {
    check.server = server_.start(server_of(node), role);
  } catch (const Error& error) {
    spdlog::warn("{}: {}: {}", cluster_.nodes[node].name, role.name, error.what());
  }
}

}  // namespace labctl::dataplane
