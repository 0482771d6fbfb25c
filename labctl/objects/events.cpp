#include "labctl/objects/events.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/objects/names.hpp"
#include "labctl/store/store.hpp"
#include "topology/base/timestamp.hpp"
#include "topology/base/with_reason.hpp"

#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

using nlohmann::json;

constexpr int kHashLength = 13;

// Of an object whose name may be as long as this one; cut where a name may end.
std::string event_name(const std::string& about, std::string_view identity) {
  std::string name = about.substr(0, kNameMax - 1 - kHashLength);
  name.erase(name.find_last_not_of(".-") + 1);
  return name + "." + safe_hash(identity, kHashLength);
}

json new_event(const json& object, const std::string& ns, EventType type, std::string_view reason,
               std::string_view message, std::string_view component, const std::string& now) {
  json involved{{"kind", text_at(object, "kind")},
                {"name", name_of(object)},
                {"uid", uid_of(object)},
                {"apiVersion", text_at(object, "apiVersion")},
                {"resourceVersion", text_at(object, "metadata.resourceVersion")}};
  if (!namespace_of(object).empty()) {
    involved["namespace"] = namespace_of(object);
  }
  return {{"kind", "Event"},
          {"apiVersion", "v1"},
          {"metadata", {{"namespace", ns}}},
          {"involvedObject", std::move(involved)},
          {"type", type == EventType::Normal ? "Normal" : "Warning"},
          {"reason", reason},
          {"message", message},
          {"source", {{"component", component}}},
          {"reportingComponent", component},
          {"reportingInstance", ""},
          {"firstTimestamp", now},
          {"lastTimestamp", now},
          {"count", 1}};
}

}  // namespace

void record(store::Store& store, const json& object, EventType type, std::string_view reason,
            std::string_view text, std::string_view component) {
  const std::string message = with_reason(std::string(text));
  // One name for all repeats, so that finding the earlier one is a look-up.
  std::string identity = uid_of(object);
  for (const std::string_view part : {reason, std::string_view(message), component}) {
    identity += '\n';
    identity += part;
  }
  const std::string ns = namespace_of(object).empty() ? "default" : namespace_of(object);
  const store::Key key{"events", ns, event_name(name_of(object), identity)};
  const std::string now = timestamp(store.clock().wall());
  if (const store::ObjectPtr earlier = store.find(key)) {
    store.modify(key, [&](json& event) {
      event["count"] = number_at(event, "count", 1) + 1;
      event["lastTimestamp"] = now;
    });
    return;
  }
  if (store.count(key.resource) == 0) {
    store.set_bound(key.resource, kEventsKept);
  }
  store.create(key, new_event(object, ns, type, reason, message, component, now));
}

}  // namespace labctl::objects
