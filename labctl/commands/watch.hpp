#pragma once

// Following objects: a list, then every change, for as long as the caller wants. When the lab has forgotten
// the version to go on from (410 Expired), it begins again with a list.

#include "labctl/commands/objects.hpp"

#include <functional>
#include <string>

namespace labctl::commands {

// `on_event` gets "ADDED", "MODIFIED" or "DELETED" and the object, and returns whether to go on. With
// `initial` the objects there are come first, as ADDED. Returns when told to, or when the lab has ended.
void watch_objects(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                   const ListFilter& filter, bool initial,
                   const std::function<bool(const std::string&, const nlohmann::json&)>& on_event);

}  // namespace labctl::commands
