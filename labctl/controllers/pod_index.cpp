#include "labctl/controllers/pod_index.hpp"

#include "labctl/controllers/deletion.hpp"
#include "labctl/controllers/objects.hpp"
#include "labctl/store/fnv.hpp"

#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;

PodFacts facts_of(const json& pod) {
  PodFacts facts;
  facts.is_being_deleted = is_being_deleted(pod);
  facts.is_active = is_active(pod);
  facts.is_ready = is_ready(pod);
  if (const json* labels = field(pod, "metadata.labels")) {
    facts.labels_hash = std::hash<json>{}(*labels);
  }
  if (const json* controller = controller_of(pod)) {
    facts.controller_hash = controller_hash(text_at(*controller, "uid"));
  }
  if (facts.is_ready) {
    facts.ready_since = ready_since(pod);
  }
  if (lives_on_node(pod)) {
    facts.seat = text_at(pod, "spec.nodeName");
  }
  return facts;
}

}  // namespace

std::uint64_t controller_hash(std::string_view uid) { return store::fnv1a(uid); }

PodIndex::PodIndex(store::Store& store) {
  for (const store::ObjectPtr& pod : store.list("pods")) {
    add(*pod);
  }
  subscription_ = store.on_change([this](const store::Change& change) {
    if (change.key.resource != "pods") {
      return;
    }
    if (change.before != nullptr) {
      drop(*change.before);
    }
    if (change.type != store::ChangeType::Deleted) {
      add(*change.object);
    }
  });
}

std::size_t PodIndex::living_on(const std::string& node) const {
  const auto found = living_.find(node);
  return found == living_.end() ? 0 : found->second;
}

void PodIndex::add(const json& pod) {
  const PodFacts& facts = facts_.insert_or_assign(&pod, facts_of(pod)).first->second;
  if (!facts.seat.empty()) {
    ++living_[facts.seat];
  }
}

void PodIndex::drop(const json& pod) {
  const auto found = facts_.find(&pod);
  if (found == facts_.end()) {
    return;
  }
  if (!found->second.seat.empty()) {
    --living_[found->second.seat];
  }
  facts_.erase(found);
}

}  // namespace labctl::controllers
