#include "labctl/commands/watch.hpp"

#include "topology/base/error.hpp"

namespace labctl::commands {
namespace {

enum class End { Told, Expired, Closed };

End follow(api::Client& client, const std::string& target, const api::ResourceKind& kind,
           std::string& version, const WatchCallbacks& callbacks, std::chrono::milliseconds limit) {
  End end = End::Closed;
  const auto on_line = [&](std::string_view line) {
    nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("object") || !event["object"].is_object()) {
      return true;
    }
    const std::string type = event.value("type", std::string{});
    if (type == "ERROR") {
      end = End::Expired;
      return false;
    }
    nlohmann::json& object = event["object"];
    version = object.value("/metadata/resourceVersion"_json_pointer, version);
    if (type == "BOOKMARK") {
      return true;
    }
    object["apiVersion"] = kind.api_version;
    object["kind"] = kind.kind;
    if (!callbacks.on_event(type, object)) {
      end = End::Told;
      return false;
    }
    return true;
  };
  client.lines("GET", target, {}, on_line, limit);
  return end;
}

}  // namespace

void watch_objects(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                   const ListFilter& filter, const WatchCallbacks& callbacks,
                   std::chrono::milliseconds limit) {
  for (bool expired_before = false;;) {
    const ObjectList list = list_objects(client, kind, ns, filter);
    if (!callbacks.on_list(list.items)) {
      return;
    }
    std::string version = list.resource_version;
    try {
      if (follow(client, watch_target(kind, ns, filter, version), kind, version, callbacks, limit) !=
          End::Expired) {
        return;
      }
    } catch (const Error& error) {
      // 410 before the first event: so many changes between list and watch can
      // happen, but not time after time.
      if (error.kind() != ErrorKind::NotFound || version != list.resource_version || expired_before) {
        throw;
      }
    }
    expired_before = version == list.resource_version;
  }
}

}  // namespace labctl::commands
