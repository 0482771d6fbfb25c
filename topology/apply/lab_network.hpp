#pragma once

// What carrying out a plan needs of the kernel, as an interface: KernelNetwork is the real one, tests wrap it
// to fail at the n-th call.

#include "topology/base/unique_fd.hpp"
#include "topology/plan/step.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace labctl::apply {

// Finds the descriptor of a namespace by its id. Throws Error NotFound.
using NamespaceLookup = std::function<int(const plan::NamespaceId&)>;

class LabNetwork {
 public:
  virtual ~LabNetwork() = default;

  // Work between these two may happen in any namespace of the calling thread; leave() brings it home.
  virtual void begin() = 0;
  virtual void leave() noexcept = 0;

  // Makes a namespace, enters it, and returns its descriptor.
  virtual UniqueFd make_namespace() = 0;
  virtual void enter(int namespace_fd) = 0;

  // All of these act on the namespace entered last.
  virtual void write_sysctl(const plan::Sysctl& sysctl) = 0;
  virtual void change_links(const std::vector<plan::LinkChange>& changes, const NamespaceLookup& lookup) = 0;
  virtual void load_ruleset(const std::string& text) = 0;
  // Waits until these bridge ports, which were made there, carry packets.
  virtual void wait_until_forwarding(std::span<const int> ports) = 0;
};

}  // namespace labctl::apply
