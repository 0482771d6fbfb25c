#include "labctl/controllers/pods/node_readiness.hpp"

#include "labctl/objects/conditions.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::condition;
using objects::set_condition;
using objects::text_at;
using store::Key;
using store::ObjectPtr;

constexpr std::string_view kNodeNotReady = "NodeNotReady";

bool is_condition_true(const json& object, std::string_view type) {
  const json* found = condition(object, type);
  return found != nullptr && text_at(*found, "status") == "True";
}

// What the node agent will say when it speaks again.
void give_back_ready(json& pod, objects::TimePoint now) {
  if (!is_condition_true(pod, "ContainersReady")) {
    set_condition(pod["status"], "Ready", "False", now, "ContainersNotReady",
                  text_at(*condition(pod, "Ready"), "message"));
    return;
  }
  const json& gates = objects::list_at(pod, "spec.readinessGates");
  const bool are_gates_open = std::all_of(gates.begin(), gates.end(), [&](const json& gate) {
    return is_condition_true(pod, text_at(gate, "conditionType"));
  });
  if (are_gates_open) {
    set_condition(pod["status"], "Ready", "True", now);
  } else {
    set_condition(pod["status"], "Ready", "False", now, "ReadinessGatesNotReady");
  }
}

}  // namespace

bool is_node_ready(const json& node) {
  return condition(node, "Ready") == nullptr || is_condition_true(node, "Ready");
}

void sync_node_readiness(Work& work, const std::string& node) {
  const ObjectPtr object = work.store.find({"nodes", "", node});
  if (object == nullptr) {
    return;
  }
  int events = 0;
  for (const Key& key : work.pods.pods_on(node)) {
    const ObjectPtr pod = work.store.get(key);
    const json* ready = condition(*pod, "Ready");
    if (!is_node_ready(*object) && objects::is_ready(*pod)) {
      const ObjectPtr marked = work.store.modify(key, [&](json& changed) {
        set_condition(changed["status"], "Ready", "False", work.now, kNodeNotReady);
      });
      if (events++ < objects::kEventsPerSync) {
        objects::record(work.store, *marked, objects::EventType::Warning, kNodeNotReady, "Node is not ready",
                        "node-controller");
      }
    } else if (is_node_ready(*object) && ready != nullptr && text_at(*ready, "reason") == kNodeNotReady) {
      work.store.modify(key, [&](json& changed) { give_back_ready(changed, work.now); });
    }
  }
}

}  // namespace labctl::controllers
