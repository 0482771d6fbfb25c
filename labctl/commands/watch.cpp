#include "labctl/commands/watch.hpp"

#include "topology/base/error.hpp"

namespace labctl::commands {
namespace {

enum class End { Told, Expired, Closed };

End follow(api::Client& client, const std::string& target, const api::ResourceKind& kind,
           std::string& version,
           const std::function<bool(const std::string&, const nlohmann::json&)>& on_event) {
  End end = End::Closed;
  client.lines("GET", target, {}, [&](std::string_view line) {
    nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("object")) {
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
    if (!on_event(type, object)) {
      end = End::Told;
      return false;
    }
    return true;
  });
  return end;
}

}  // namespace

void watch_objects(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                   const ListFilter& filter, bool initial,
                   const std::function<bool(const std::string&, const nlohmann::json&)>& on_event) {
  bool expired_before = false;
  for (bool print_list = initial;; print_list = true) {
    const ObjectList list = list_objects(client, kind, ns, filter);
    if (print_list) {
      for (const nlohmann::json& object : list.items) {
        if (!on_event("ADDED", object)) {
          return;
        }
      }
    }
    std::string version = list.resource_version;
    try {
      if (follow(client, watch_target(kind, ns, filter, version), kind, version, on_event) != End::Expired) {
        return;
      }
    } catch (const Error& error) {
      // 410 before the first event: so many changes between list and watch can happen, but not time after
      // time.
      if (error.kind() != ErrorKind::NotFound || version != list.resource_version || expired_before) {
        throw;
      }
    }
    expired_before = version == list.resource_version;
  }
}

}  // namespace labctl::commands
