#include "labctl/objects/quotas.hpp"

#include "labctl/objects/conditions.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/quantity.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>

namespace labctl::objects {
namespace {

using nlohmann::json;

constexpr std::int64_t kThousand = 1'000;
constexpr std::int64_t kUsageMax = std::int64_t{1} << 61;  // sums of two still fit
constexpr std::array<std::string_view, 3> kComputeResources{"cpu", "memory", "ephemeral-storage"};

// By the names that quotas have: "pods", "requests.cpu", "cpu" (the same), "limits.memory"; in thousandths.
using Usage = std::map<std::string, std::int64_t>;

std::int64_t thousandths(const json& amount) {
  const std::string text = amount.is_string() ? amount.get<std::string>() : amount.dump();
  return std::clamp<std::int64_t>(parse_milli_quantity(text).value_or(0), 0, kUsageMax);
}

// A limit without a request is one.
Usage usage_of_container(const json& container) {
  Usage usage;
  for (const std::string_view resource : kComputeResources) {
    const json* resources = field(container, "resources");
    const auto amount = [&](const char* list) -> const json* {
      const json* amounts = resources == nullptr ? nullptr : field(*resources, list);
      return amounts == nullptr ? nullptr : field(*amounts, resource);
    };
    const json* limit = amount("limits");
    const json* request = amount("requests") == nullptr ? limit : amount("requests");
    if (limit != nullptr) {
      usage["limits." + std::string(resource)] = thousandths(*limit);
    }
    if (request != nullptr) {
      usage["requests." + std::string(resource)] = usage[std::string(resource)] = thousandths(*request);
    }
  }
  return usage;
}

void add_usage(Usage& to, const Usage& more) {
  for (const auto& [name, amount] : more) {
    to[name] = std::min(to[name] + amount, kUsageMax);
  }
}

// Init containers run one after the other, sidecars beside all.
Usage usage_of(const json& pod) {
  Usage usage;
  for (const json& container : list_at(pod, "spec.containers")) {
    add_usage(usage, usage_of_container(container));
  }
  Usage most;
  for (const json& container : list_at(pod, "spec.initContainers")) {
    if (text_at(container, "restartPolicy") == "Always") {
      add_usage(usage, usage_of_container(container));
      continue;
    }
    for (const auto& [name, amount] : usage_of_container(container)) {
      most[name] = std::max(most[name], amount);
    }
  }
  for (const auto& [name, amount] : most) {
    usage[name] = std::max(usage[name], amount);
  }
  usage["pods"] = usage["count/pods"] = kThousand;
  return usage;
}

bool is_in_scope(const json& quota, const json& pod) {
  const json& scopes = list_at(quota, "spec.scopes");
  return field(quota, "spec.scopeSelector") == nullptr &&
         std::all_of(scopes.begin(), scopes.end(), [&](const json& scope) {
           const bool has_deadline = field(pod, "spec.activeDeadlineSeconds") != nullptr;
           const bool is_best_effort = qos_class(pod) == "BestEffort";
           return scope == "Terminating"      ? has_deadline
                  : scope == "NotTerminating" ? !has_deadline
                  : scope == "BestEffort"     ? is_best_effort
                  : scope == "NotBestEffort"  ? !is_best_effort
                                              : false;
         });
}

// "500m", "2", "64Mi", "128M".
std::string quantity_text(const std::string& name, std::int64_t amount) {
  if (amount % kThousand != 0) {
    return std::to_string(amount) + "m";
  }
  std::int64_t whole = amount / kThousand;
  if (name.ends_with("cpu") || name.ends_with("pods") || whole == 0) {
    return std::to_string(whole);
  }
  const std::int64_t base = whole % 1024 == 0 ? 1024 : kThousand;
  std::size_t power = 0;
  constexpr std::string_view kPowers = "KMGTPE";
  for (; whole % base == 0 && power < kPowers.size(); ++power) {
    whole /= base;
  }
  if (power == 0) {
    return std::to_string(whole);
  }
  const std::string letter(1, base == kThousand && power == 1 ? 'k' : kPowers[power - 1]);
  return std::to_string(whole) + letter + (base == kThousand ? "" : "i");
}

std::string usage_text(const Usage& usage, const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    const auto found = usage.find(name);
    text += (text.empty() ? "" : ",") + name + "=" +
            quantity_text(name, found == usage.end() ? 0 : found->second);
  }
  return text;
}

// What of the quota's compute resources a container does not say.
std::string unsaid(const json& pod, const Usage& hard) {
  std::string text;
  for (const auto& [name, limit] : hard) {
    if (name == "pods" || name == "count/pods") {
      continue;
    }
    std::set<std::string> containers;
    for (const char* list : {"spec.containers", "spec.initContainers"}) {
      for (const json& container : list_at(pod, list)) {
        if (!usage_of_container(container).contains(name)) {
          containers.insert(text_at(container, "name"));
        }
      }
    }
    std::string names;
    for (const std::string& container : containers) {
      names += (names.empty() ? "" : ",") + container;
    }
    text += names.empty() ? "" : (text.empty() ? "" : "; ") + name + " for: " + names;
  }
  return text;
}

// Of what is counted here.
Usage hard_limits(const json& quota) {
  Usage hard;
  const json* amounts = field(quota, "spec.hard");
  if (amounts == nullptr || !amounts->is_object()) {
    return hard;
  }
  for (const auto& [name, amount] : amounts->items()) {
    std::string_view resource = name;
    for (const std::string_view begin : {"requests.", "limits."}) {
      resource.remove_prefix(resource.starts_with(begin) ? begin.size() : 0);
    }
    const bool is_compute =
        std::find(kComputeResources.begin(), kComputeResources.end(), resource) != kComputeResources.end();
    if (is_compute || name == "pods" || name == "count/pods") {
      hard[name] = thousandths(amount);
    }
  }
  return hard;
}

std::optional<std::string> refusal_by(const store::Store& store, const json& quota, const json& pod) {
  const Usage hard = hard_limits(quota);
  if (hard.empty() || !is_in_scope(quota, pod)) {
    return std::nullopt;
  }
  if (const std::string missing = unsaid(pod, hard); !missing.empty()) {
    return "failed quota: " + name_of(quota) + ": must specify " + missing;
  }
  Usage used;
  for (const store::ObjectPtr& other : store.list("pods", namespace_of(pod))) {
    if (!is_finished(*other) && is_in_scope(quota, *other)) {
      add_usage(used, usage_of(*other));
    }
  }
  const Usage requested = usage_of(pod);
  std::set<std::string> exceeded;
  for (const auto& [name, limit] : hard) {
    const auto asked = requested.find(name);
    const std::int64_t more = asked == requested.end() ? 0 : asked->second;
    if (more > 0 && used[name] + more > limit) {
      exceeded.insert(name);
    }
  }
  if (exceeded.empty()) {
    return std::nullopt;
  }
  return "exceeded quota: " + name_of(quota) + ", requested: " + usage_text(requested, exceeded) +
         ", used: " + usage_text(used, exceeded) + ", limited: " + usage_text(hard, exceeded);
}

}  // namespace

std::optional<std::string> quota_refusal(const store::Store& store, const json& pod) {
  for (const store::ObjectPtr& quota : store.list("resourcequotas", namespace_of(pod))) {
    if (auto refusal = refusal_by(store, *quota, pod)) {
      return refusal;
    }
  }
  return std::nullopt;
}

}  // namespace labctl::objects
