#pragma once

// Somebody who goes along with certain pods, those of the lab's own: writes what their programs find, keeps
// their server at what the objects say, and opens their readiness gate. The pods themselves are objects as
// all others are, and live as all others do.
//
// Threads: the main loop's.

#include "labctl/store/store.hpp"
#include "topology/kernel/process.hpp"
#include "topology/model/pod.hpp"

#include <string>
#include <vector>

namespace labctl::kubelet {

class PodCompanion {
 public:
  virtual ~PodCompanion() = default;

  // Whether it goes along with this pod: the calls below with a pod are for such only.
  virtual bool is_mine(const model::Pod& pod) const = 0;
  // Programs of other pods are not to start yet: they could not do without what these pods serve.
  virtual bool holds_others_back() const = 0;
  // What the pod's programs see of the supervisor's files.
  virtual std::vector<kernel::FileBind> binds_of(const model::Pod& pod) const = 0;
  // A container of the pod is about to start, the first time or again, in the network namespace `netns_fd`,
  // which is borrowed until gone(). What this throws is a failed start.
  virtual void before_start(const model::Pod& pod, int netns_fd) = 0;
  // The pod's namespace goes. Also for pods of which no container has started.
  virtual void gone(const model::PodKey& pod) = 0;
};

// A condition by which a companion says when its pods are ready, beside what their containers say: named in
// spec.readinessGates of their template.
struct ReadinessGate {
  std::string condition;      // its type: "labctl.dev/zones-loaded"
  std::string open_reason;    // the reason of True: "ZonesLoaded"
  std::string closed_reason;  // of False
};

// Writes the condition into the pod's status; a pod that is not there is passed over.
void set_gate(store::Store& store, const model::PodKey& pod, const ReadinessGate& gate, bool is_open,
              const std::string& why = {});

}  // namespace labctl::kubelet
