#include "labctl/apiserver/watch.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/objects/fields.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using store::Change;
using store::ChangeType;

std::string line_of(const char* type, const std::string& object) {
  return std::string(R"({"type":")") + type + R"(","object":)" + object + "}\n";
}

std::string compact(const json& object) { return api::json_line(object); }

std::string overflow_line() {
  const json status{{"kind", "Status"},
                    {"apiVersion", "v1"},
                    {"metadata", json::object()},
                    {"status", "Failure"},
                    {"reason", "Expired"},
                    {"code", 410},
                    {"message", "too old resource version: the client fell too far behind"}};
  return line_of("ERROR", compact(status));
}

}  // namespace

bool WatchFilter::selects(const store::Key& key) const {
  return key.resource == resource && (!ns || *ns == key.ns) && (name.empty() || name == key.name);
}

bool WatchFilter::selects(const json& object) const {
  return store::matches(labels, object) && store::matches(fields, object);
}

std::optional<WatchEvent> seen_through(const WatchFilter& filter, const Change& change) {
  if (!filter.selects(change.key)) {
    return std::nullopt;
  }
  const bool was_in = change.before != nullptr && filter.selects(*change.before);
  const bool is_in = change.type != ChangeType::Deleted && filter.selects(*change.object);
  if (!was_in && !is_in) {
    return std::nullopt;
  }
  return WatchEvent{!was_in  ? ChangeType::Added
                    : !is_in ? ChangeType::Deleted
                             : ChangeType::Modified,
                    change.object};
}

Watch::Watch(WatchFilter filter) : filter_(std::move(filter)) {}

void Watch::push(const Change& change) {
  if (auto event = seen_through(filter_, change)) {
    push(std::move(*event), kWatchQueue);
  }
}

void Watch::push(WatchEvent event, std::size_t bound) {
  const std::lock_guard lock(mutex_);
  if (has_overflowed_) {
    return;
  }
  if (queue_.size() >= bound) {
    queue_.clear();
    has_overflowed_ = true;
  } else {
    queue_.push_back(std::move(event));
  }
  wake_.notify();
}

void Watch::stream(api::ChunkWriter& out, std::optional<std::chrono::seconds> timeout) {
  std::optional<std::chrono::steady_clock::time_point> deadline;
  if (timeout) {
    deadline = std::chrono::steady_clock::now() + *timeout;
  }
  do {
    std::deque<WatchEvent> events;
    bool has_overflowed = false;
    {
      const std::lock_guard lock(mutex_);
      wake_.clear();
      events.swap(queue_);
      has_overflowed = has_overflowed_;
    }
    if (has_overflowed) {
      out.write(overflow_line());
      return;
    }
    // One piece for what came together: thousands of pods are not thousands of packets.
    std::string lines;
    for (const WatchEvent& event : events) {
      lines += line_of(store::to_string(event.type), compact(*event.object));
    }
    if (!lines.empty() && !out.write(lines)) {
      return;
    }
  } while (!(deadline && std::chrono::steady_clock::now() >= *deadline) &&
           wait_readable(wake_.fd(), deadline, &out.gone()) == Woken::Ready);
}

WatchHub::WatchHub(store::Store& store)
    : store_(store), subscription_(store.on_change([this](const Change& change) {
        std::erase_if(watches_, [&](const std::weak_ptr<Watch>& weak) {
          const std::shared_ptr<Watch> watch = weak.lock();
          if (watch != nullptr) {
            watch->push(change);
          }
          return watch == nullptr;
        });
      })) {}

std::shared_ptr<Watch> WatchHub::open(WatchFilter filter, std::optional<std::uint64_t> version) {
  auto watch = std::make_shared<Watch>(std::move(filter));
  if (!version || *version == 0) {
    for (store::ObjectPtr& object : store_.list(watch->filter_.resource, watch->filter_.ns)) {
      const bool has_name = watch->filter_.name.empty() || objects::name_of(*object) == watch->filter_.name;
      if (has_name && watch->filter_.selects(*object)) {
        watch->push(WatchEvent{ChangeType::Added, std::move(object)},
                    std::numeric_limits<std::size_t>::max());
      }
    }
  } else {
    const auto changes = store_.changes_since(*version);
    if (!changes) {
      return nullptr;
    }
    for (const Change& change : *changes) {
      watch->push(change);
    }
  }
  watches_.push_back(watch);
  return watch;
}

}  // namespace labctl::apiserver
