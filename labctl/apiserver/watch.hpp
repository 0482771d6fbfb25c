#pragma once

// Watches: changes of the store as lines of JSON to many connections. One subscription
// feeds them all; each has a bounded queue, and a client that reads too slowly is told so
// (410 Expired) and let go, never waited for.
//
// Threads: the hub and open() belong to the store's thread; Watch::stream runs on a connection's.

#include "labctl/api/http.hpp"
#include "labctl/store/selectors.hpp"
#include "labctl/store/store.hpp"
#include "topology/base/cancel.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace labctl::apiserver {

// Changes that a slow client may be behind: as many as the store can replay.
inline constexpr std::size_t kWatchQueue = store::kChangesKept;

// Which changes a client wants to see.
struct WatchFilter {
  std::string resource;
  std::optional<std::string> ns;  // nothing: all
  std::string name;               // empty: all
  model::LabelSelector labels;
  store::FieldSelector fields;

  bool selects(const store::Key& key) const;
  bool selects(const nlohmann::json& object) const;
};

struct WatchEvent {
  store::ChangeType type = store::ChangeType::Added;
  store::ObjectPtr object;
};

// What the client is told of a change: an object that comes into the selection is ADDED, one that leaves it
// DELETED. Nothing for a change outside of it.
std::optional<WatchEvent> seen_through(const WatchFilter& filter, const store::Change& change);

class Watch {
 public:
  explicit Watch(WatchFilter filter);

  // Sends events until the client goes, the server stops, `timeout` passes
  // (none: for ever) or the queue overflows.
  void stream(api::ChunkWriter& out, std::optional<std::chrono::seconds> timeout);

 private:
  friend class WatchHub;
  void push(const store::Change& change);
  void push(WatchEvent event, std::size_t bound);

  const WatchFilter filter_;
  Wakeup wake_;  // while something is queued
  std::mutex mutex_;
  std::deque<WatchEvent> queue_;
  bool has_overflowed_ = false;
};

class WatchHub {
 public:
  explicit WatchHub(store::Store& store);

  // From `version` on. Without one, or from 0, what exists comes first, as
  // ADDED. Null when that version is too old.
  std::shared_ptr<Watch> open(WatchFilter filter, std::optional<std::uint64_t> version);

 private:
  store::Store& store_;
  std::vector<std::weak_ptr<Watch>> watches_;  // a connection that ends takes its own away
  store::Store::Subscription subscription_;
};

}  // namespace labctl::apiserver
