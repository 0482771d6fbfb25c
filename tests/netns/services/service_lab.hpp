#pragma once

// A lab's network with the built-in server in every pod, node and outside host, and Services that the test
// itself brings to the nodes: the data path alone, without supervisor and controllers.
//
//   outside/client, outside/www --- router --- node-1: a1 a2
//                                          --- node-2: b1 b2
//                                          --- node-3: c1 c2
//
// Everything listens on TCP and UDP 8080. Once for each layout of the ruleset and each family.

#include "probes/engine/engine.hpp"
#include "probes/server/server.hpp"
#include "topology/apply/fabric.hpp"
#include "topology/apply/kernel_network.hpp"
#include "topology/apply/service_table.hpp"
#include "topology/model/service.hpp"
#include "topology/plan/fabric.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace labctl {

struct Layout {
  const char* name;
  model::Dataplane dataplane;
  Family family;
  model::NetworkMode mode = model::NetworkMode::Routed;
};

inline constexpr std::uint16_t kTarget = 8080;

// What became of a probe, or of several.
struct Seen {
  probes::Outcome outcome = probes::Outcome::Inconclusive;  // of the last
  probes::OutcomeCounts outcomes;
  std::string backend;                 // of the last: "pod/default/a1"
  std::string source;                  // as the backend saw it
  std::map<std::string, int> answers;  // by backend
  std::string reason;
  std::map<std::string, int> failures;  // how often: "pod/default/a1 to 10.96.0.100:80/tcp: timeout: ..."
};

class ServiceLab : public testing::TestWithParam<Layout> {
 protected:
  ServiceLab();
  ~ServiceLab() override;

  // Vantages by their short names: "a1", "node-1", "client", "router".
  const engine::Vantage& at(const std::string& name) const;
  IpAddress address_of(const std::string& name) const;
  const model::Cluster& cluster() const { return cluster_; }
  // The n-th address of a range of the family.
  IpAddress service_ip(std::uint64_t n) const;
  IpAddress balancer_ip(std::uint64_t n) const;
  Family family() const { return GetParam().family; }

  // "default/web" on TCP 80 ("http") and UDP 80 ("udp"), both to 8080.
  model::Service web() const;
  // The same, and with NodePort 30080 for both.
  model::Service node_port_web() const;
  // An endpoint for each pod or node: ready, on its node.
  model::EndpointSlice slice(const model::Service& service, const std::vector<std::string>& names) const;

  // Brings a Service to all nodes, as a supervisor does.
  void put_slice(const model::Service& service, const model::EndpointSlice& endpoints);
  void put(const model::Service& service, const std::vector<std::string>& names) {
    put_slice(service, slice(service, names));
  }
  void take_away(const model::Service& service);
  apply::ServiceTable& table(const std::string& node);
  service::ProgramNode& program_node(const std::string& node);
  // Sends the router's packets for `address` to a node.
  void route_to(const std::string& node, const IpAddress& address);

  engine::Probe tcp(const std::string& from, const IpAddress& to, std::uint16_t port = 80) const;
  engine::Probe udp(const std::string& from, const IpAddress& to, std::uint16_t port = 80) const;
  engine::Probe ping(const std::string& from, const IpAddress& to) const;
  Seen ask(std::vector<engine::Probe> probes) const;
  Seen ask(const engine::Probe& probe, int times = 1) const {
    return ask(std::vector<engine::Probe>(static_cast<std::size_t>(times), probe));
  }

  // Both protocols; `seen_as`: a vantage's name or "" for not looked at.
  void expect_answer(const std::string& from, const IpAddress& to, std::uint16_t port,
                     const std::vector<std::string>& backends, const std::string& seen_as = {}) const;
  void expect_refused(const std::string& from, const IpAddress& to, std::uint16_t port = 80) const;
  // A node's own programs are told when it is their own kernel that drops their datagrams: EPERM.
  void expect_dropped(const std::string& from, const IpAddress& to, std::uint16_t port = 80) const;

  apply::Fabric& fabric() { return fabric_; }

 private:
  struct Node {
    service::ProgramNode program;
    std::unique_ptr<apply::ServiceTable> table;
  };
  void add_vantage(const std::string& name, const std::string& id, std::vector<IpAddress> addresses);

  model::Cluster cluster_;
  apply::KernelNetwork network_;
  apply::Fabric fabric_;
  std::map<std::string, Node> nodes_;
  std::map<std::string, engine::Vantage> vantages_;
  std::map<std::string, std::string> node_of_;  // pods and nodes by their short names
  server::Server server_;
  engine::Engine engine_{&server_, {.ask_timeout = std::chrono::seconds(5)}};
  mutable std::atomic<std::uint16_t> next_source_port_{10000};
};

// "pod/default/a1" for "a1".
std::string pod_id(const std::string& name);

// For INSTANTIATE_TEST_SUITE_P.
std::vector<Layout> all_layouts();
std::string layout_name(const testing::TestParamInfo<Layout>& info);

}  // namespace labctl
