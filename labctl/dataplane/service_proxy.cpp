#include "labctl/dataplane/service_proxy.hpp"

#include "labctl/objects/contain.hpp"
#include "labctl/objects/decode_service.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/model/well_known.hpp"
#include "topology/plan/fabric.hpp"
#include "topology/ruleset/services/layout_factory.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::dataplane {
namespace {

using model::ServiceKey;
using nlohmann::json;

constexpr const char* kExcludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

std::string owner_name(const ServiceKey& key) { return "svc " + to_string(key); }

store::Key store_key(const ServiceKey& key) { return {"services", key.ns, key.name}; }

// The Ready condition of a Node is anything but True.
bool is_down(const json& node) {
  const json* ready = objects::condition(node, "Ready");
  return ready != nullptr && objects::text_at(*ready, "status") != "True";
}

std::vector<service::PortEndpoint> all_endpoints(const model::Service& service,
                                                 const std::vector<const model::EndpointSlice*>& slices,
                                                 const model::ServicePort& port) {
  std::vector<service::PortEndpoint> all;
  for (const Family family : {Family::IPv4, Family::IPv6}) {
    const bool has_family = std::any_of(service.cluster_ips.begin(), service.cluster_ips.end(),
                                        [&](const IpAddress& ip) { return ip.family() == family; });
    if (has_family) {
      const auto some = service::endpoints_of(port, family, slices);
      all.insert(all.end(), some.begin(), some.end());
    }
  }
  return all;
}

}  // namespace

ServiceProxy::ServiceProxy(store::Store& store, const model::Cluster& cluster, apply::Fabric& fabric,
                           server::Server& server)
    : store_(store),
      cluster_(cluster),
      fabric_(fabric),
      node_servers_(cluster, fabric, server),
      health_checks_(cluster, node_servers_, server) {
  subscription_ = store_.on_change([this](const store::Change& change) { note(change); });
}

void ServiceProxy::open() {
  nodes_.resize(cluster_.nodes.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const model::Node& node = cluster_.nodes[i];
    nodes_[i].table.emplace(fabric_.namespace_fd(plan::node_id(node.name)),
                            ruleset::make_node_layout(cluster_, node));
    nodes_[i].program = {{node.name, ""}, node.addresses};
  }
  balancer_routes_.emplace(cluster_, fabric_);
}

// ---- What changed ------------------------------------------------------------------------------------

void ServiceProxy::note(const store::Change& change) {
  if (change.key.resource == "services") {
    dirty_.insert({change.key.ns, change.key.name});
  } else if (change.key.resource == "endpointslices") {
    note_slice(change);
  } else if (change.key.resource == "nodes") {
    are_nodes_dirty_ = true;
    for (const auto& [key, known] : known_) {
      dirty_.insert(key);
    }
  }
}

void ServiceProxy::note_slice(const store::Change& change) {
  const auto before = slice_owner_.find(change.key);
  if (before != slice_owner_.end()) {
    known_[before->second].slices.erase(change.key);
    dirty_.insert(before->second);
    slice_owner_.erase(before);
  }
  if (change.type == store::ChangeType::Deleted) {
    return;
  }
  try {
    if (auto slice = objects::decode_endpoint_slice(*change.object)) {
      const ServiceKey owner = slice->service;
      known_[owner].slices[change.key] = std::move(*slice);
      slice_owner_[change.key] = owner;
      dirty_.insert(owner);
    }
  } catch (const std::exception& error) {
    // Whoever wrote it is not to be stopped by it.
    spdlog::warn("{}: {}", store::to_string(change.key), error.what());
  }
}

void ServiceProxy::read_nodes() {
  if (!std::exchange(are_nodes_dirty_, false)) {
    return;
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const store::ObjectPtr node = store_.find({"nodes", "", cluster_.nodes[i].name});
    const json* labels = node == nullptr ? nullptr : objects::field(*node, "metadata.labels");
    nodes_[i].program.viewer.zone = labels == nullptr ? std::string() : labels->value(model::kZoneLabel, "");
    balancer_routes_->set_takes_traffic(
        i, (labels == nullptr || !labels->contains(kExcludeLabel)) && (node == nullptr || !is_down(*node)));
  }
}

void ServiceProxy::sync() {
  if (!has_work() || nodes_.empty()) {
    return;
  }
  read_nodes();
  for (const ServiceKey& key : std::exchange(dirty_, {})) {
    objects::contain(store_, store_key(key), "FailedServiceSync", "service-proxy", [&] { update(key); });
  }
  are_host_ports_dirty_ = false;
  commit();
}

void ServiceProxy::update(const ServiceKey& key) {
  Known& known = known_[key];
  known.object = store_.find(store_key(key));
  known.service = known.is_gone() ? model::Service() : objects::decode_service(*known.object);
  known.service.key = key;
  queue_programs(known);
  if (known.is_gone()) {
    balancer_routes_->remove(key);
    health_checks_.remove(key);
  } else {
    balancer_routes_->set(known.service, known.slice_list());
    health_checks_.set(known.service, known.slice_list());
  }
  UdpEndpoints udp = udp_endpoints(known);
  note_stale(ended_flows(known.udp, udp));
  known.udp = std::move(udp);
  if (on_service_) {
    on_service_(known.service, known.slice_list(), known.is_gone());
  }
  if (known.is_gone() && known.slices.empty()) {
    known_.erase(key);
  }
}

ServiceProxy::Slices ServiceProxy::Known::slice_list() const {
  Slices list;
  for (const auto& [key, slice] : slices) {
    list.push_back(&slice);
  }
  return list;
}

// ---- Nodes -------------------------------------------------------------------------------------------

void ServiceProxy::queue_programs(const Known& known) {
  const std::string owner = owner_name(known.service.key);
  const Slices slices = known.slice_list();
  for (NodeState& node : nodes_) {
    node.table->set(owner, known.is_gone() ? service::NodeProgram{}
                                           : service::node_program(known.service, slices, node.program));
  }
}

void ServiceProxy::claim_host_ports(const model::Pod& pod, std::size_t node) {
  service::NodeProgram program = service::host_port_program(pod, cluster_.nodes[node].addresses);
  if (program.ports.empty()) {
    return;
  }
  nodes_[node].table->set("hostPort " + to_string(pod.key), program);
  note_stale(host_port_flows(program));
  host_ports_[pod.key] = {node, std::move(program)};
  are_host_ports_dirty_ = true;
}

void ServiceProxy::release_host_ports(const model::PodKey& pod) {
  const auto found = host_ports_.find(pod);
  if (found == host_ports_.end()) {
    return;
  }
  nodes_[found->second.first].table->set("hostPort " + to_string(pod), {});
  note_stale(freed_host_port_flows(found->second.second));
  host_ports_.erase(found);
  are_host_ports_dirty_ = true;
}

std::vector<std::pair<std::string, apply::ServiceTable*>> ServiceProxy::tables() {
  std::vector<std::pair<std::string, apply::ServiceTable*>> tables;
  for (NodeState& node : nodes_) {
    tables.emplace_back(node.program.viewer.node, &*node.table);
  }
  if (balancer_routes_) {
    tables.emplace_back("router", &balancer_routes_->table());
  }
  return tables;
}

void ServiceProxy::commit() {
  for (const auto& [name, table] : tables()) {
    try {
      table->commit();
    } catch (const Error& error) {
      spdlog::error("{}: program Services: {}", name, error.what());
    }
  }
  balancer_routes_->commit();
}

std::size_t ServiceProxy::resync() {
  for (auto& [key, known] : known_) {
    known.udp.clear();  // all flows are looked at
    dirty_.insert(key);
  }
  for (const auto& [pod, claim] : host_ports_) {
    note_stale(host_port_flows(claim.second));
  }
  are_nodes_dirty_ = true;
  sync();
  end_stale_flows();
  std::size_t mended = 0;
  for (const auto& [name, table] : tables()) {
    mended += table->resync();
  }
  return mended;
}

// ---- UDP flows (network model §12) -------------------------------------------------------------------

// All that a port of a Service is reached by.
std::vector<service::Vip> ServiceProxy::vips_of(const model::Service& service,
                                                const model::ServicePort& port) const {
  std::vector<service::Vip> vips;
  for (const auto* list :
       {&service.cluster_ips, &service.external_ips, &service.load_balancer_ips, &service.proxied_ips}) {
    for (const IpAddress& address : *list) {
      vips.push_back({address, port.protocol, port.port});
    }
  }
  if (port.node_port != 0) {
    for (const model::Node& node : cluster_.nodes) {
      for (const IpAddress& address : node.addresses) {
        vips.push_back({address, port.protocol, port.node_port});
      }
    }
  }
  return vips;
}

UdpEndpoints ServiceProxy::udp_endpoints(const Known& known) const {
  const Slices slices = known.slice_list();
  UdpEndpoints endpoints;
  for (const model::ServicePort& port : known.service.ports) {
    if (port.protocol == model::Protocol::Udp) {
      const auto serving = service::serving(all_endpoints(known.service, slices, port));
      for (const service::Vip& vip : vips_of(known.service, port)) {
        endpoints[vip] = serving;
      }
    }
  }
  return endpoints;
}

// Several about one address: the last one holds.
void ServiceProxy::note_stale(std::vector<apply::UdpFlows> flows) {
  std::move(flows.begin(), flows.end(), std::back_inserter(stale_));
}

void ServiceProxy::end_stale_flows() {
  const std::vector<apply::UdpFlows> stale = std::exchange(stale_, {});
  if (stale.empty()) {
    return;
  }
  for (const auto& [name, table] : tables()) {
    try {
      table->end_stale_flows(stale);
    } catch (const Error& error) {
      spdlog::error("{}: end flows to what is gone: {}", name, error.what());
    }
  }
}

// ---- describe ----------------------------------------------------------------------------------------

namespace {

const char* verdict_text(service::Verdict verdict) {
  switch (verdict) {
    case service::Verdict::Balance:
      return "balance";
    case service::Verdict::Reject:
      return "reject";
    case service::Verdict::Drop:
      return "drop";
  }
  return "";
}

std::string note_of(const service::PortProgram& port, const service::Entry& entry) {
  std::string note;
  const auto add = [&](const std::string& text) { note += (note.empty() ? "" : ", ") + text; };
  if (entry.traffic == service::Traffic::ExternalCluster) {
    add("masqueraded");
  } else if (entry.traffic == service::Traffic::ExternalLocal) {
    add(entry.local.empty()
            ? "from outside: dropped, no endpoint on this node"
            : "from outside: " + std::to_string(entry.local.size()) + " on this node, source kept");
  }
  for (const Prefix& range : entry.source_ranges) {
    add("from " + to_string(range));
  }
  if (port.affinity_timeout.count() > 0) {
    add("affinity " + std::to_string(port.affinity_timeout.count()) + " s");
  }
  return note;
}

json entries_of(const service::NodeProgram& program) {
  json entries = json::array();
  for (const service::PortProgram& port : program.ports) {
    for (const service::Entry& entry : port.entries) {
      json endpoints = json::array();
      for (const service::Backend& backend : entry.backends) {
        endpoints.push_back(to_string(backend.address, backend.port));
      }
      entries.push_back({{"name", port.name},
                         {"address", to_string(entry.vip.address)},
                         {"protocol", model::to_string(entry.vip.protocol)},
                         {"port", entry.vip.port},
                         {"verdict", verdict_text(entry.verdict)},
                         {"endpoints", std::move(endpoints)},
                         {"note", note_of(port, entry)}});
    }
  }
  return entries;
}

}  // namespace

json ServiceProxy::describe(const ServiceKey& key) const {
  const auto found = known_.find(key);
  if (found == known_.end() || found->second.is_gone()) {
    throw Error(ErrorKind::NotFound, "services \"" + key.name + "\" not found");
  }
  const Slices slices = found->second.slice_list();
  json nodes = json::array();
  for (const NodeState& node : nodes_) {
    nodes.push_back(
        {{"node", node.program.viewer.node},
         {"entries", entries_of(service::node_program(found->second.service, slices, node.program))}});
  }
  return nodes;
}

}  // namespace labctl::dataplane
