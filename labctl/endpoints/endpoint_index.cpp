#include "labctl/endpoints/endpoint_index.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace labctl::endpoints {
namespace {

using nlohmann::json;
using objects::field;
using store::Change;
using store::ChangeType;
using store::Key;

// So many pods of a Service are looked at one by one; for more, all at once is less work.
constexpr std::size_t kPodsOneByOne = 50;

std::string place_of(const Key& key) { return key.ns + '/' + key.name; }

// One label of one namespace; neither part can hold the separator.
std::string label_of(const std::string& ns, const std::string& key, const std::string& value) {
  std::string text;
  text.reserve(ns.size() + key.size() + value.size() + 2);
  text += ns;
  text += '\n';
  text += key;
  text += '\n';
  text += value;
  return text;
}

bool has_all(const model::Labels& labels, const model::Labels& selector) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

bool is_same_field(const Change& change, std::string_view path) {
  const json* before = field(*change.before, path);
  const json* after = field(*change.object, path);
  return before == nullptr || after == nullptr ? before == after : *before == *after;
}

template <typename Index, typename Member>
void take_out(Index& index, const std::string& name, const Member* member) {
  const auto found = index.find(name);
  if (found != index.end() && found->second.erase(member) > 0 && found->second.empty()) {
    index.erase(found);
  }
}

}  // namespace

void EndpointIndex::note(const Change& change, AffectedServices& affected) {
  if (change.key.resource == "pods") {
    note_pod(change, affected);
  } else if (change.key.resource == "services") {
    note_service(change, affected);
  } else if (change.key.resource == "nodes") {
    note_node(change, affected);
  }
}

void EndpointIndex::note_pod(const Change& change, AffectedServices& affected) {
  const std::string place = place_of(change.key);
  const auto found = pods_.find(place);
  if (change.type == ChangeType::Deleted) {
    if (found != pods_.end()) {
      if (!found->second.facts.addresses.empty()) {
        add_selectors_of(found->second, affected);
      }
      leave(found->second);
      pods_.erase(found);
    }
    return;
  }
  EndpointPod facts = endpoint_pod(*change.object);
  if (found == pods_.end()) {
    const Pod& added =
        pods_.emplace(place, Pod{store::labels_of(*change.object), std::move(facts)}).first->second;
    enter(added);
    if (!added.facts.addresses.empty()) {
      add_selectors_of(added, affected);
    }
    return;
  }
  Pod& pod = found->second;
  const bool is_relabelled = change.before == nullptr || !is_same_field(change, "metadata.labels");
  const bool is_moved = is_relabelled || pod.facts.node != facts.node;
  if (!is_moved && pod.facts == facts) {
    return;
  }
  const bool was_listed = !pod.facts.addresses.empty();
  if (was_listed && is_relabelled) {
    add_selectors_of(pod, affected);
  }
  if (is_moved) {
    leave(pod);
  }
  const bool is_listed = !facts.addresses.empty();
  pod.facts = std::move(facts);
  if (is_relabelled) {
    pod.labels = store::labels_of(*change.object);
  }
  if (is_moved) {
    enter(pod);
  }
  if (was_listed || is_listed) {
    add_selectors_of(pod, affected);
  }
}

void EndpointIndex::note_service(const Change& change, AffectedServices& affected) {
  const std::string place = place_of(change.key);
  if (change.type == ChangeType::Deleted) {
    drop_service(place);
    return;
  }
  const bool is_new = change.before == nullptr;
  if (!is_new && is_same_field(change, "spec") && is_same_field(change, "metadata.labels")) {
    return;
  }
  affected[change.key].are_all = true;
  Service service{change.key, endpoint_selector(*change.object), ""};
  const auto found = services_.find(place);
  if (found != services_.end() && found->second.selector == service.selector) {
    return;
  }
  drop_service(place);
  if (service.selector.empty()) {
    return;
  }
  service.anchor = anchor_for(service);
  const Service& added = services_.emplace(place, std::move(service)).first->second;
  services_by_anchor_[added.anchor].insert(&added);
}

void EndpointIndex::note_node(const Change& change, AffectedServices& affected) {
  std::string zone;
  if (change.type != ChangeType::Deleted) {
    const json* labels = field(*change.object, "metadata.labels");
    const auto found = labels == nullptr ? json::const_iterator() : labels->find(model::kZoneLabel);
    if (labels != nullptr && found != labels->end() && found->is_string()) {
      zone = found->get<std::string>();
    }
  }
  std::string& known = zones_[change.key.name];
  if (known == zone) {
    return;
  }
  known = std::move(zone);
  const auto pods = pods_by_node_.find(change.key.name);
  if (pods != pods_by_node_.end()) {
    for (const Pod* pod : pods->second) {
      add_selectors_of(*pod, affected);
    }
  }
}

void EndpointIndex::add_selectors_of(const Pod& pod, AffectedServices& affected) const {
  for (const auto& [key, value] : pod.labels) {
    const auto found = services_by_anchor_.find(label_of(pod.facts.ns, key, value));
    if (found == services_by_anchor_.end()) {
      continue;
    }
    for (const Service* service : found->second) {
      if (has_all(pod.labels, service->selector)) {
        AffectedEndpoints& endpoints = affected[service->key];
        if (endpoints.pods.size() < kPodsOneByOne) {
          endpoints.pods.emplace(pod.facts.uid, Key{"pods", pod.facts.ns, pod.facts.name});
        } else {
          endpoints.are_all = true;
        }
      }
    }
  }
}

void EndpointIndex::enter(const Pod& pod) {
  for (const auto& [key, value] : pod.labels) {
    pods_by_label_[label_of(pod.facts.ns, key, value)].insert(&pod);
  }
  if (!pod.facts.node.empty()) {
    pods_by_node_[pod.facts.node].insert(&pod);
  }
}

void EndpointIndex::leave(const Pod& pod) {
  for (const auto& [key, value] : pod.labels) {
    take_out(pods_by_label_, label_of(pod.facts.ns, key, value), &pod);
  }
  take_out(pods_by_node_, pod.facts.node, &pod);
}

void EndpointIndex::drop_service(const std::string& name) {
  const auto found = services_.find(name);
  if (found != services_.end()) {
    take_out(services_by_anchor_, found->second.anchor, &found->second);
    services_.erase(found);
  }
}

// The label that the fewest other Services are found under: "app: web-17", not "part-of: shop".
std::string EndpointIndex::anchor_for(const Service& service) const {
  std::string best;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const auto& [key, value] : service.selector) {
    std::string label = label_of(service.key.ns, key, value);
    const auto found = services_by_anchor_.find(label);
    const std::size_t others = found == services_by_anchor_.end() ? 0 : found->second.size();
    if (others < fewest) {
      fewest = others;
      best = std::move(label);
    }
  }
  return best;
}

std::vector<const EndpointPod*> EndpointIndex::pods_of(const Key& service) const {
  std::vector<const EndpointPod*> pods;
  const auto selecting = services_.find(place_of(service));
  if (selecting == services_.end()) {
    return pods;
  }
  const model::Labels& selector = selecting->second.selector;
  const std::unordered_set<const Pod*>* fewest = nullptr;
  for (const auto& [key, value] : selector) {
    const auto found = pods_by_label_.find(label_of(service.ns, key, value));
    if (found == pods_by_label_.end()) {
      return pods;
    }
    if (fewest == nullptr || found->second.size() < fewest->size()) {
      fewest = &found->second;
    }
  }
  for (const Pod* pod : *fewest) {
    if (has_all(pod->labels, selector)) {
      pods.push_back(&pod->facts);
    }
  }
  return pods;
}

const EndpointPod* EndpointIndex::pod_of(const Key& service, const Key& pod) const {
  const auto selecting = services_.find(place_of(service));
  const auto found = pods_.find(place_of(pod));
  const bool is_selected = selecting != services_.end() && found != pods_.end() &&
                           has_all(found->second.labels, selecting->second.selector);
  return is_selected ? &found->second.facts : nullptr;
}

const std::string& EndpointIndex::zone_of(const std::string& node) const {
  static const std::string kNoZone;
  const auto found = zones_.find(node);
  return found == zones_.end() ? kNoZone : found->second;
}

}  // namespace labctl::endpoints
