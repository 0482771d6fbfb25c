#include "labctl/kubelet/pod_companion.hpp"

#include "labctl/objects/conditions.hpp"

#include <nlohmann/json.hpp>

namespace labctl::kubelet {

void set_gate(store::Store& store, const model::PodKey& pod, const ReadinessGate& gate, bool is_open,
              const std::string& why) {
  const store::Key key{"pods", pod.ns, pod.name};
  if (store.find(key) != nullptr) {
    store.modify(key, [&](nlohmann::json& object) {
      objects::set_condition(object["status"], gate.condition, is_open ? "True" : "False",
                             store.clock().wall(), is_open ? gate.open_reason : gate.closed_reason, why);
    });
  }
}

}  // namespace labctl::kubelet
