#pragma once

// Following objects: a list, then every change, for as long as the caller wants. When the lab has forgotten
// the version to go on from (410 Expired), it begins again with a list.

#include "labctl/commands/objects.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace labctl::commands {

struct WatchCallbacks {
  // The objects there are: once at the start, and again whenever it had to
  // begin anew. Returns whether to go on.
  std::function<bool(const std::vector<nlohmann::json>&)> on_list;
  // "ADDED", "MODIFIED" or "DELETED", and the object. Returns whether to go on.
  std::function<bool(const std::string&, const nlohmann::json&)> on_event;
};

// Returns when told to, or when the lab has ended. A `limit` bounds the wait for the next list or end (Error
// Timeout); zero is none.
void watch_objects(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                   const ListFilter& filter, const WatchCallbacks& callbacks,
                   std::chrono::milliseconds limit = {});

}  // namespace labctl::commands
