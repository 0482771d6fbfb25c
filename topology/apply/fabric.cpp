#include "topology/apply/fabric.hpp"

#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"

#include <map>
#include <vector>

namespace labctl::apply {
namespace {

struct Inverse {
  std::vector<plan::LinkChange>& out;

  void operator()(const plan::AddBridge& c) const { out.push_back(plan::DeleteLink{c.ifindex}); }
  // Deleting one end of a pair deletes both.
  void operator()(const plan::AddVeth& c) const { out.push_back(plan::DeleteLink{c.peer_ifindex}); }
  void operator()(const plan::AddVxlan& c) const { out.push_back(plan::DeleteLink{c.ifindex}); }
  void operator()(const plan::SetLink& c) const {
    if (!c.up) {
      out.push_back(plan::SetLink{c.ifindex, true});
    }
  }
  void operator()(const plan::AddNeighbour& c) const {
    out.push_back(plan::DeleteNeighbour{c.ifindex, c.address});
  }
  void operator()(const plan::ReplaceRoute& c) const {
    if (c.before.empty()) {
      out.push_back(plan::DeleteRoute{c.destination, c.hops});
    } else {
      out.push_back(plan::ReplaceRoute{c.destination, c.before, c.hops});
    }
  }
  void operator()(const plan::DeleteRoute& c) const {
    if (!c.before.empty()) {
      out.push_back(plan::ReplaceRoute{c.destination, c.before, {}});
    }
  }
  void operator()(const plan::SetMaster&) const {}
  void operator()(const plan::AddAddress&) const {}
  void operator()(const plan::AddRoute&) const {}
  void operator()(const plan::DeleteNeighbour&) const {}
  void operator()(const plan::AddFdb&) const {}
  void operator()(const plan::DeleteLink&) const {}
};

}  // namespace

std::vector<plan::LinkChange> inverse(const plan::Step& step) {
  std::vector<plan::LinkChange> changes;
  for (auto change = step.changes.rbegin(); change != step.changes.rend(); ++change) {
    std::visit(Inverse{changes}, *change);
  }
  return changes;
}

Fabric::Fabric(LabNetwork& network, UniqueFd underlay) : network_(network) {
  namespaces_.emplace(plan::kUnderlay, std::make_shared<const UniqueFd>(std::move(underlay)));
}

std::shared_ptr<const UniqueFd> Fabric::share_namespace(const plan::NamespaceId& id) const {
  const auto found = namespaces_.find(id);
  if (found == namespaces_.end()) {
    throw Error(ErrorKind::NotFound, id + ": no such namespace in this lab");
  }
  return found->second;
}

int Fabric::namespace_fd(const plan::NamespaceId& id) const { return share_namespace(id)->get(); }

void Fabric::apply(std::span<const plan::Step> steps, const OnMade& on_made) {
  network_.begin();
  const ScopeExit leave([this] { network_.leave(); });
  for (size_t i = 0; i < steps.size(); ++i) {
    try {
      carry_out(steps[i]);
      if (on_made && steps[i].makes_namespace) {
        on_made(steps[i].ns, namespace_fd(steps[i].ns));
      }
    } catch (Error& error) {
      // The failing step may have got half-way: it is undone with the others.
      undo(steps.first(i + 1));
      throw error.add_frame(steps[i].ns);
    }
  }
  try {
    wait_until_forwarding(steps);
  } catch (Error&) {
    undo(steps);
    throw;
  }
}

void Fabric::wait_until_forwarding(std::span<const plan::Step> steps) {
  std::map<plan::NamespaceId, std::vector<int>> new_ports;
  for (const plan::Step& step : steps) {
    for (const plan::LinkChange& change : step.changes) {
      if (const auto* veth = std::get_if<plan::AddVeth>(&change); veth != nullptr && veth->master != 0) {
        new_ports[veth->near_namespace].push_back(veth->near_ifindex);
      } else if (const auto* port = std::get_if<plan::SetMaster>(&change); port != nullptr) {
        new_ports[step.ns].push_back(port->ifindex);
      }
    }
  }
  for (const auto& [id, ports] : new_ports) {
    network_.enter(namespace_fd(id));
    network_.wait_until_forwarding(ports);
  }
}

void Fabric::carry_out(const plan::Step& step) {
  if (step.makes_namespace) {
    if (has(step.ns)) {
      throw Error(ErrorKind::Internal, "namespace made twice");
    }
    namespaces_.emplace(step.ns, std::make_shared<const UniqueFd>(network_.make_namespace()));
  } else {
    network_.enter(namespace_fd(step.ns));
  }
  for (const plan::Sysctl& sysctl : step.sysctls) {
    network_.write_sysctl(sysctl);
  }
  if (!step.changes.empty()) {
    network_.change_links(step.changes, [this](const plan::NamespaceId& id) { return namespace_fd(id); });
  }
  if (!step.ruleset.empty()) {
    network_.load_ruleset(step.ruleset);
  }
}

void Fabric::undo(std::span<const plan::Step> done) noexcept {
  // Teardown goes on whatever fails: a change that never came to be cannot be taken back.
  for (auto step = done.rbegin(); step != done.rend(); ++step) {
    if (step->makes_namespace) {
      namespaces_.erase(step->ns);
      continue;
    }
    for (const plan::LinkChange& change : inverse(*step)) {
      try {
        network_.enter(namespace_fd(step->ns));
        network_.change_links({change}, [this](const plan::NamespaceId& id) { return namespace_fd(id); });
      } catch (const Error&) {
      }
    }
  }
}

void Fabric::remove(std::span<const plan::NamespaceId> ids) {
  for (const plan::NamespaceId& id : ids) {
    namespaces_.erase(id);
  }
}

}  // namespace labctl::apply
