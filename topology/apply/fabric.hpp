#pragma once

// The network of a running lab: its namespaces, held by descriptors, and the carrying out of plan steps.
//
// When apply() returns, the new ports carry packets.
// apply() is all or nothing: when step n fails, what steps 1..n-1 of the same call did is taken back and the
// failure is thrown with the name of the namespace it happened in. Destroying the Fabric frees everything:
// the kernel drops a namespace with its links once the last descriptor is gone.
//
// Threads: one at a time, whichever it is; apply() has the calling thread visit the namespaces.

#include "topology/apply/lab_network.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/plan/step.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace labctl::apply {

class Fabric {
 public:
  // `underlay` is the capsule's own network namespace. `network` must outlive the Fabric.
  Fabric(LabNetwork& network, UniqueFd underlay);

  // Called when a step that makes a namespace is done, with its borrowed descriptor: what the namespace is
  // for may begin while others are made. Its port may not carry packets yet.
  using OnMade = std::function<void(const plan::NamespaceId& id, int namespace_fd)>;

  // Throws Error as the failing step did; everything of this call has then been undone.
  void apply(std::span<const plan::Step> steps, const OnMade& on_made = {});

  // Drops namespaces; their links go with them. Unknown ids are ignored.
  void remove(std::span<const plan::NamespaceId> ids);

  bool has(const plan::NamespaceId& id) const { return namespaces_.contains(id); }
  // Borrowed. Throws Error NotFound.
  int namespace_fd(const plan::NamespaceId& id) const;
  // The same, open for as long as somebody holds it: the namespace outlives its removal by that much, without
  // its links. Throws Error NotFound.
  std::shared_ptr<const UniqueFd> share_namespace(const plan::NamespaceId& id) const;
  // How many namespaces are held, the underlay included.
  size_t size() const { return namespaces_.size(); }

 private:
  void carry_out(const plan::Step& step);
  void wait_until_forwarding(std::span<const plan::Step> steps);
  void undo(std::span<const plan::Step> done) noexcept;

  LabNetwork& network_;
  std::unordered_map<plan::NamespaceId, std::shared_ptr<const UniqueFd>> namespaces_;
};

// What takes the changes of a step back where its namespace stays: links made there deleted, neighbours
// deleted, links that went down set up again, replaced or deleted routes put back. Addresses and other routes
// go with their links.
std::vector<plan::LinkChange> inverse(const plan::Step& step);

}  // namespace labctl::apply
