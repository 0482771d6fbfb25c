#pragma once

// The Services of one node on the real kernel: the changes that a ruleset::ServiceLayout asks for, carried
// out in order, and the conntrack entries that must not outlive them (network model §12).
//
// A refused transaction leaves the table as it was; the table is then filled anew from what is wanted, so
// that no error leaves a node with half of its Services.
//
// Threads: one at a time, whichever it is. No call changes the namespace of
// its thread for longer than it takes.

#include "topology/ruleset/services/service_layout.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace labctl::apply {

// One UDP address of a Service, and the endpoints its flows may go on to.
struct UdpFlows {
  service::Vip vip;
  std::vector<service::Backend> serving;
};

class ServiceTable {
 public:
  // `namespace_fd` is borrowed: the node's namespace, with the table of ruleset::node_ruleset in it.
  ServiceTable(int namespace_fd, std::unique_ptr<ruleset::ServiceLayout> table);
  ~ServiceTable();
  ServiceTable(ServiceTable&&) noexcept;
  ServiceTable& operator=(ServiceTable&&) noexcept;

  // Queues what is wanted of `owner`: ruleset::ServiceLayout::set.
  void set(const std::string& owner, const service::NodeProgram& wanted);
  // Brings what is queued to the kernel. What was queued by one set() is visible at once and as a whole; a
  // queue that is too long for one transaction becomes several. Throws Error.
  void commit();

  // Ends the UDP flows to `flows` that go to other endpoints than those serving; how many that was. Costs
  // milliseconds, but nothing where no connection is tracked. Throws Error.
  std::size_t end_stale_flows(std::span<const UdpFlows> flows);

  // Compares every element in the kernel with what is wanted and mends the differences; how many there were.
  // Throws Error.
  std::size_t resync();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace labctl::apply
