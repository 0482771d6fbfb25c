#include "labctl/lab/up_wait.hpp"

#include "labctl/api/resource_kinds.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/objects/coming_up.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/scope_exit.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace labctl::lab {
namespace {

using nlohmann::json;
using objects::ComingUp;
using store::Key;

// Beyond that nobody reads on.
constexpr std::size_t kGroupsTold = 20;
constexpr std::size_t kNamesTold = 3;

constexpr std::array<std::string_view, 6> kResources{"pods",        "jobs",         "deployments",
                                                     "replicasets", "statefulsets", "daemonsets"};

// What is not up, kept at what the store says. On the main loop only, but for changed().
class UpWatch {
 public:
  explicit UpWatch(store::Store& store) : store_(store) {
    for (const std::string_view resource : kResources) {
      for (const store::ObjectPtr& object : store.list(resource)) {
        look_at(store::key_of(std::string(resource), *object), *object);
      }
    }
    subscription_ = store.on_change([this](const store::Change& change) { note(change); });
  }

  const Wakeup& changed() const { return changed_; }
  void stop() { subscription_.reset(); }
  // Nothing is left that may come up by itself.
  bool is_settled() const {
    return pods_under_way_ == 0 && std::all_of(left_.begin(), left_.end(), [this](const auto& one) {
             return one.second == ComingUp::Stuck || has_pods_left(one.first);
           });
  }
  json reply() const;

 private:
  void note(const store::Change& change) {
    if (std::find(kResources.begin(), kResources.end(), change.key.resource) == kResources.end()) {
      return;
    }
    forget(change.key);
    if (change.type != store::ChangeType::Deleted) {
      look_at(change.key, *change.object);
    }
    if (pods_under_way_ == 0) {
      changed_.notify();
    }
  }
  void look_at(const Key& key, const json& object) {
    if (const ComingUp now = objects::coming_up(key.resource, object); now != ComingUp::Up) {
      left_.emplace(key, now);
      pods_under_way_ += is_pod_under_way(key, now) ? 1 : 0;
    }
  }
  void forget(const Key& key) {
    if (const auto found = left_.find(key); found != left_.end()) {
      pods_under_way_ -= is_pod_under_way(key, found->second) ? 1 : 0;
      left_.erase(found);
    }
  }
  static bool is_pod_under_way(const Key& key, ComingUp state) {
    return state == ComingUp::UnderWay && key.resource == "pods";
  }
  // Of its own pods some are not up: it is they that are waited for, or told of. A StatefulSet makes its pods one
  // after another, and a Job is complete when its pods are.
  bool has_pods_left(const Key& key) const {
    const store::ObjectPtr object = store_.find(key);
    if (object == nullptr) {
      return false;
    }
    const auto& own = store_.owned_by(objects::uid_of(*object));
    return std::any_of(own.begin(), own.end(), [this](const auto& one) {
      return one.first.resource == "pods" && left_.contains(one.first);
    });
  }

  store::Store& store_;
  std::map<Key, ComingUp> left_;
  std::size_t pods_under_way_ = 0;
  Wakeup changed_;
  store::Store::Subscription subscription_;
};

// The last warning about each object, by its uid.
std::map<std::string, std::string> last_warnings(const store::Store& store) {
  std::map<std::string, std::pair<std::int64_t, std::string>> last;
  for (const store::ObjectPtr& event : store.list("events")) {
    if (objects::text_at(*event, "type") != "Warning") {
      continue;
    }
    auto& [version, message] = last[objects::text_at(*event, "involvedObject.uid")];
    const std::int64_t own = std::stoll(objects::text_at(*event, "metadata.resourceVersion"));
    if (own >= version) {
      version = own;
      message = objects::text_at(*event, "message");
    }
  }
  std::map<std::string, std::string> messages;
  for (auto& [uid, one] : last) {
    messages.emplace(uid, std::move(one.second));
  }
  return messages;
}

json UpWatch::reply() const {
  using Group = std::tuple<std::string, std::string, std::vector<std::string>>;
  std::vector<std::pair<Group, json>> groups;
  std::map<Group, std::size_t> places;
  const std::map<std::string, std::string> warnings =
      left_.empty() ? std::map<std::string, std::string>() : last_warnings(store_);
  std::size_t pods_left = 0;
  for (const auto& [key, state] : left_) {
    pods_left += key.resource == "pods" ? 1 : 0;
    if (key.resource != "pods" && has_pods_left(key)) {
      continue;
    }
    const store::ObjectPtr object = store_.get(key);
    const auto warning = warnings.find(objects::uid_of(*object));
    Group group{key.resource, key.ns,
                objects::why_not_up(key.resource, *object, warning == warnings.end() ? "" : warning->second)};
    const auto [place, is_new] = places.emplace(group, groups.size());
    if (is_new) {
      groups.emplace_back(std::move(group), json::array());
    }
    groups[place->second].second.push_back(key.name);
  }
  json left = json::array();
  for (auto& [group, names] : groups) {
    if (left.size() == kGroupsTold) {
      break;
    }
    const std::size_t count = names.size();
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(std::min(count, kNamesTold)), names.end());
    const api::ResourceKind* kind = api::find_resource(std::get<0>(group));
    left.push_back({{"kind", kind == nullptr ? std::get<0>(group) : std::string(kind->singular)},
                    {"namespace", std::get<1>(group)},
                    {"names", std::move(names)},
                    {"count", count},
                    {"reasons", std::get<2>(group)}});
  }
  const std::size_t pods = store_.count("pods");
  return {{"up", left_.empty()},
          {"settled", is_settled()},
          {"pods", {{"total", pods}, {"up", pods - std::min(pods, pods_left)}}},
          {"left", std::move(left)},
          {"more", groups.size() - std::min(groups.size(), kGroupsTold)}};
}

}  // namespace

json wait_until_up(Lab& lab, std::chrono::milliseconds timeout, const Cancel* gone) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::shared_ptr<UpWatch> watch;
  lab.loop().run_here([&] { watch = std::make_shared<UpWatch>(lab.objects()); });
  const ScopeExit unsubscribe([&] { lab.loop().post([watch] { watch->stop(); }); });
  for (;;) {
    json reply;
    lab.loop().run_here([&] {
      const bool is_settled = watch->is_settled();
      if ((is_settled && lab.is_at_rest()) || std::chrono::steady_clock::now() >= deadline) {
        reply = watch->reply();
      } else if (is_settled) {
        // In the middle of much work: behind the lab's next turn it is looked at again.
        lab.loop().post([watch] { watch->changed().notify(); });
      }
    });
    if (!reply.is_null()) {
      return reply;
    }
    wait_readable(watch->changed().fd(), deadline, gone);
    throw_if_requested(gone);
    watch->changed().clear();
  }
}

}  // namespace labctl::lab
