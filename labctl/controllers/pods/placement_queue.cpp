#include "labctl/controllers/pods/placement_queue.hpp"

#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::field;
using objects::text_at;
using store::Change;
using store::ChangeType;
using store::Key;
using store::ObjectPtr;

std::uint64_t version_of(const ObjectPtr& object) {
  const std::string& text = text_at(*object, "metadata.resourceVersion");
  std::uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

// As the API server's admission: that of the class, of the two that every cluster has, or of the default one.
class Priorities {
 public:
  explicit Priorities(const store::Store& store) : store_(store) {
    for (const ObjectPtr& priority_class : store.list("priorityclasses")) {
      if (objects::is_true_at(*priority_class, "globalDefault")) {
        usual_ = objects::number_at(*priority_class, "value", 0);
      }
    }
  }
  std::int64_t of(const json& pod) const {
    if (field(pod, "spec.priority") != nullptr) {
      return objects::number_at(pod, "spec.priority", 0);
    }
    const std::string& name = text_at(pod, "spec.priorityClassName");
    if (name.empty()) {
      return usual_;
    }
    if (const ObjectPtr priority_class = store_.find({"priorityclasses", "", name})) {
      return objects::number_at(*priority_class, "value", 0);
    }
    constexpr std::int64_t kClusterCritical = 2'000'000'000;
    constexpr std::int64_t kNodeCritical = 2'000'001'000;
    return name == "system-cluster-critical" ? kClusterCritical
           : name == "system-node-critical"  ? kNodeCritical
                                             : 0;
  }

 private:
  const store::Store& store_;
  std::int64_t usual_ = 0;
};

bool differ(const json& before, const json& after, std::string_view path) {
  const json* one = field(before, path);
  const json* other = field(after, path);
  return (one == nullptr) != (other == nullptr) || (one != nullptr && *one != *other);
}

}  // namespace

void PlacementQueue::note(const Change& change) {
  if (change.key.resource == "pods") {
    note_pod(change);
  } else if (change.key.resource == "nodes") {
    has_room_changed_ = true;
  } else if (change.key.resource == "namespaces") {
    // A namespaceSelector may find it now.
    have_pods_changed_ = true;
  }
}

void PlacementQueue::note_pod(const Change& change) {
  const json& pod = *change.object;
  if (change.type == ChangeType::Deleted) {
    due_.erase(change.key);
    waiting_.remove(change.key);
    has_room_changed_ = true;
    return;
  }
  if (objects::is_finished(pod)) {
    has_room_changed_ = true;
    return;
  }
  // A pod has its place and its address from one write, so one without an address has not been placed.
  if (text_at(pod, "status.podIP").empty()) {
    // What waits is tried again when its own spec changes; its status is changed by trying.
    if (change.before == nullptr || change.before->at("spec") != pod.at("spec")) {
      due_.insert(change.key);
    }
  } else if (!waiting_.for_pods.empty()) {
    have_pods_changed_ = have_pods_changed_ || change.before == nullptr ||
                         text_at(*change.before, "status.podIP").empty() ||
                         differ(*change.before, pod, "metadata.labels") ||
                         differ(*change.before, pod, "metadata.deletionTimestamp");
  }
}

bool PlacementQueue::has_work() const {
  return !due_.empty() || (has_room_changed_ && !waiting_.pods.empty()) ||
         (have_pods_changed_ && !waiting_.for_pods.empty());
}

std::vector<Key> PlacementQueue::take() {
  // Only then: to try ten thousand pods that do not fit once more for each pod that comes would be quadratic.
  if (std::exchange(has_room_changed_, false)) {
    due_.insert(waiting_.pods.begin(), waiting_.pods.end());
  }
  if (std::exchange(have_pods_changed_, false)) {
    due_.insert(waiting_.for_pods.begin(), waiting_.for_pods.end());
  }
  struct Due {
    std::int64_t before;  // the priority, negated
    std::uint64_t version;
    Key key;
    auto operator<=>(const Due&) const = default;
  };
  const Priorities priorities(store_);
  std::vector<Due> ordered;
  for (const Key& key : std::exchange(due_, {})) {
    if (const ObjectPtr pod = store_.find(key)) {
      ordered.push_back({-priorities.of(*pod), version_of(pod), key});
    }
  }
  std::sort(ordered.begin(), ordered.end());
  std::vector<Key> keys;
  keys.reserve(ordered.size());
  for (Due& due : ordered) {
    keys.push_back(std::move(due.key));
  }
  return keys;
}

void PlacementQueue::put_back(const std::vector<Key>& keys, std::size_t looked_at) {
  due_.insert(keys.begin() + static_cast<std::ptrdiff_t>(looked_at), keys.end());
}

}  // namespace labctl::controllers
