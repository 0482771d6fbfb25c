#include "labctl/objects/limit_ranges.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/quantity.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace labctl::objects {
namespace {

using nlohmann::json;

constexpr const char* kLimitRangerAnnotation = "kubernetes.io/limit-ranger";

struct Defaults {
  json limits = json::object();
  json requests = json::object();
};

void add_missing(json& to, const json* from) {
  if (from != nullptr && from->is_object()) {
    for (const auto& [resource, amount] : from->items()) {
      to.emplace(resource, amount.is_string() ? amount : json(amount.dump()));
    }
  }
}

// Without `default` the maximum is one, without `defaultRequest` that default or the minimum.
Defaults defaults_of(const json& limit_range) {
  Defaults defaults;
  for (const json& limit : list_at(limit_range, "spec.limits")) {
    if (text_at(limit, "type") != "Container") {
      continue;
    }
    json limits = json::object();
    json requests = json::object();
    add_missing(limits, field(limit, "default"));
    add_missing(limits, field(limit, "max"));
    add_missing(requests, field(limit, "defaultRequest"));
    add_missing(requests, &limits);
    add_missing(requests, field(limit, "min"));
    add_missing(defaults.limits, &limits);
    add_missing(defaults.requests, &requests);
  }
  return defaults;
}

// What was given, as in "cpu, memory".
std::string give(json& container, const char* list, const json& amounts, const json& taken) {
  std::string given;
  for (const auto& [resource, amount] : amounts.items()) {
    json& has = container["resources"][list];
    if (!has.is_object()) {
      has = json::object();
    }
    if (!has.contains(resource) && !taken.contains(resource)) {
      has[resource] = amount;
      given += (given.empty() ? "" : ", ") + resource;
    }
    if (has.empty()) {
      container["resources"].erase(list);
    }
  }
  return given;
}

void give_to(json& container, const Defaults& defaults, const char* kind, std::vector<std::string>& told) {
  if (!container.is_object()) {
    return;
  }
  json& resources = container["resources"];
  if (!resources.is_object()) {
    resources = json::object();
  }
  const json* own = field(container, "resources.limits");
  const json own_limits = own == nullptr || !own->is_object() ? json::object() : *own;
  const std::string requests = give(container, "requests", defaults.requests, own_limits);
  const std::string limits = give(container, "limits", defaults.limits, json::object());
  for (const auto& [what, names] : {std::pair{"request", &requests}, std::pair{"limit", &limits}}) {
    if (!names->empty()) {
      told.push_back(*names + " " + what + " for " + kind + " " + text_at(container, "name"));
    }
  }
}

std::string amount_text(const json& amount) {
  return amount.is_string() ? amount.get<std::string>() : amount.dump();
}

std::int64_t amount_of(const json& amount) { return parse_milli_quantity(amount_text(amount)).value_or(0); }

// As the plugin's minConstraint and maxConstraint, which ask what is bounded first.
class LimitCheck {
 public:
  explicit LimitCheck(const json& container)
      : requests_(field(container, "resources.requests")), limits_(field(container, "resources.limits")) {}

  void check(const char* extreme, bool is_max, const json* bounds, std::vector<std::string>& wrongs) const {
    if (bounds == nullptr || !bounds->is_object()) {
      return;
    }
    for (const auto& [resource, bound] : bounds->items()) {
      const json* limit = amount_in(limits_, resource);
      const json* request = amount_in(requests_, resource);
      request = request == nullptr ? limit : request;
      const std::string begin =
          std::string(extreme) + " " + resource + " usage per Container is " + amount_text(bound);
      const json* first = is_max ? limit : request;
      const json* second = is_max ? request : limit;
      const auto is_beyond = [&, &edge = bound](const json* amount) {
        return amount != nullptr &&
               (is_max ? amount_of(*amount) > amount_of(edge) : amount_of(*amount) < amount_of(edge));
      };
      if (first == nullptr) {
        wrongs.push_back(begin + ".  No " + (is_max ? "limit" : "request") + " is specified");
      } else if (is_beyond(first)) {
        wrongs.push_back(begin + ", but " + (is_max ? "limit" : "request") + " is " + amount_text(*first));
      } else if (is_beyond(second)) {
        wrongs.push_back(begin + ", but " + (is_max ? "request" : "limit") + " is " + amount_text(*second));
      }
    }
  }

 private:
  static const json* amount_in(const json* amounts, const std::string& resource) {
    const auto found =
        amounts == nullptr || !amounts->is_object() ? json::const_iterator() : amounts->find(resource);
    return amounts == nullptr || !amounts->is_object() || found == amounts->end() ? nullptr : &*found;
  }

  const json* requests_;
  const json* limits_;
};

}  // namespace

std::optional<std::string> limit_refusal(const store::Store& store, const json& pod) {
  std::vector<std::string> wrongs;
  for (const store::ObjectPtr& limit_range : store.list("limitranges", namespace_of(pod))) {
    for (const json& limit : list_at(*limit_range, "spec.limits")) {
      if (text_at(limit, "type") != "Container") {
        continue;
      }
      for (const char* list : {"spec.containers", "spec.initContainers"}) {
        for (const json& container : list_at(pod, list)) {
          const LimitCheck check(container);
          check.check("minimum", false, field(limit, "min"), wrongs);
          check.check("maximum", true, field(limit, "max"), wrongs);
        }
      }
    }
  }
  if (wrongs.empty()) {
    return std::nullopt;
  }
  std::string text;
  for (const std::string& wrong : wrongs) {
    text += (text.empty() ? "" : ", ") + wrong;
  }
  return wrongs.size() == 1 ? text : "[" + text + "]";
}

void fill_in_limits(const store::Store& store, json& pod) {
  std::vector<std::string> told;
  for (const store::ObjectPtr& limit_range : store.list("limitranges", namespace_of(pod))) {
    const Defaults defaults = defaults_of(*limit_range);
    for (const auto& [field_name, kind] :
         {std::pair{"containers", "container"}, std::pair{"initContainers", "init container"}}) {
      const auto containers = pod["spec"].find(field_name);
      if (containers != pod["spec"].end() && containers->is_array()) {
        for (json& container : *containers) {
          give_to(container, defaults, kind, told);
        }
      }
    }
  }
  if (told.empty()) {
    return;
  }
  std::string text = "LimitRanger plugin set: ";
  for (std::size_t i = 0; i < told.size(); ++i) {
    text += (i == 0 ? "" : "; ") + told[i];
  }
  pod["metadata"]["annotations"][kLimitRangerAnnotation] = text;
}

}  // namespace labctl::objects
