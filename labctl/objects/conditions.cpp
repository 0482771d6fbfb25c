#include "labctl/objects/conditions.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

namespace labctl::objects {

using nlohmann::json;

void set_condition(json& status, std::string_view type, std::string_view value, TimePoint now,
                   std::string_view reason, std::string_view message) {
  json& conditions = status["conditions"];
  if (!conditions.is_array()) {
    conditions = json::array();
  }
  const auto found = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const json& candidate) { return text_at(candidate, "type") == type; });
  const bool is_same = found != conditions.end() && text_at(*found, "status") == value;
  json made{{"type", type}, {"status", value}};
  made["lastTransitionTime"] = is_same && found->contains("lastTransitionTime")
                                   ? found->at("lastTransitionTime")
                                   : json(timestamp(now));
  if (!reason.empty()) {
    made["reason"] = reason;
  }
  if (!message.empty()) {
    made["message"] = message;
  }
  if (found == conditions.end()) {
    conditions.push_back(std::move(made));
  } else {
    *found = std::move(made);
  }
}

std::string_view qos_class(const json& pod) {
  bool has_any = false;
  bool has_all = true;
  for (const json& container : list_at(pod, "spec.containers")) {
    for (const char* resource : {"cpu", "memory"}) {
      const std::string& limit = text_at(container, std::string("resources.limits.") + resource);
      const std::string& request = text_at(container, std::string("resources.requests.") + resource);
      has_any = has_any || !limit.empty() || !request.empty();
      has_all = has_all && !limit.empty() && (request.empty() || request == limit);
    }
  }
  return !has_any ? "BestEffort" : has_all ? "Guaranteed" : "Burstable";
}

}  // namespace labctl::objects
