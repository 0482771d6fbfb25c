#pragma once

// Why a pod has no place, in the words of kube-scheduler (framework.FitError), which people search for.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::controllers {

// What one node says. `is_final`: no pod that left the node would help (UnschedulableAndUnresolvable).
struct NodeRefusal {
  std::vector<std::string> reasons;
  bool is_final = true;
};

class Diagnosis {
 public:
  explicit Diagnosis(std::size_t nodes) : nodes_(nodes) {}
  void add(const NodeRefusal& refusal);
  // "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: 0/3 nodes are
  // available: ...": pods are never preempted here, and a pod that would not is told so.
  std::string message(bool is_preempting) const;
  bool has(std::string_view reason) const { return reasons_.find(reason) != reasons_.end(); }

 private:
  std::size_t nodes_;
  std::map<std::string, std::size_t, std::less<>> reasons_;
  std::size_t final_ = 0;
  std::size_t others_ = 0;
};

}  // namespace labctl::controllers
