#pragma once

// Events about objects (core/v1 Event), as kubectl describe shows them. Repeats of one event count up instead
// of piling up, and the store keeps the newest kEventsKept.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace labctl::store {
class Store;
}

namespace labctl::objects {

// Enough for the last thousand pods to tell their story; each is about a kilobyte.
inline constexpr std::size_t kEventsKept = 2'000;

// Events of one sync beyond this many would push every other event out: a
// Deployment of thousands tells of the first.
inline constexpr int kEventsPerSync = 25;

enum class EventType { Normal, Warning };

// Writes or counts up an event about `object`. `reason` is one CamelCase word, `component` who says it
// ("deployment-controller"). Events about cluster-scoped objects are kept in the namespace default.
void record(store::Store& store, const nlohmann::json& object, EventType type, std::string_view reason,
            std::string_view message, std::string_view component = "labctl");

}  // namespace labctl::objects
