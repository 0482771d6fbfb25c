// What may change in a pod that runs: the images of its containers, and conditions that others set.

#include "labctl/kubelet/pod_entry.hpp"
#include "labctl/objects/decode_pod.hpp"
#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace labctl::kubelet {
namespace {

using nlohmann::json;

// Seldom true, and asked at every change of a pod.
bool has_other_images(const json& object, const char* field, const std::vector<model::Container>& known) {
  const json* containers = objects::field(object, std::string("spec.") + field);
  if (containers == nullptr || !containers->is_array() || containers->size() != known.size()) {
    return false;
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (objects::text_at((*containers)[i], "image") != known[i].image) {
      return true;
    }
  }
  return false;
}

}  // namespace

void PodLife::follow(const model::PodKey& key, const json& object) {
  const auto found = pods_.find(key);
  if (found == pods_.end()) {
    return;
  }
  Entry& entry = *found->second;
  if (objects::field(object, "spec.readinessGates") != nullptr) {
    changed(entry);  // a condition of theirs may have been set
  }
  if (entry.life.is_stopping()) {
    return;
  }
  if (!has_other_images(object, "initContainers", entry.pod.init_containers) &&
      !has_other_images(object, "containers", entry.pod.containers)) {
    return;
  }
  model::Pod wanted = objects::decode_pod(object);
  for (std::size_t index = 0; index < entry.containers.size(); ++index) {
    const std::size_t inits = wanted.init_containers.size();
    model::Container& spec = index < inits ? wanted.init_containers[index] : wanted.containers[index - inits];
    if (spec.image != entry.containers[index]->spec->image) {
      change_container(entry, index, std::move(spec));
    }
  }
  advance(entry);
}

// As the kubelet does: one that runs is ended as by its liveness probe, and starts again whatever its policy.
void PodLife::change_container(Entry& entry, std::size_t index, model::Container wanted) {
  const std::size_t inits = entry.pod.init_containers.size();
  model::Container& spec =
      index < inits ? entry.pod.init_containers[index] : entry.pod.containers[index - inits];
  Container& container = *entry.containers[index];
  // The prober of the run that ends has the old spec.
  container.prober.reset();
  spec = std::move(wanted);
  choose_image(entry, index, spec);
  if (container.run == 0) {
    entry.life.forget_back_off(index);
    return;
  }
  event(entry, false, "Killing", "Container " + spec.name + " definition changed, will be restarted");
  entry.life.set_restart_asked(index);
  end_container(entry, index, entry.pod.termination_grace);
}

}  // namespace labctl::kubelet
