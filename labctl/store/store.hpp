#pragma once

// The objects of one lab: immutable JSON values with versions, as the Kubernetes API
// keeps them (API conventions, "Concurrency control" and "Efficient detection of
// changes"), and the allocations that go with them.
//
// Every write makes a new object; who holds an ObjectPtr keeps the old one. One counter
// gives the resourceVersions. The store sets uid, creationTimestamp, generation and
// resourceVersion itself; nobody else changes them.
//
// Threads: all calls on the owner's thread. Objects may be read anywhere: they never change.
// Reentrancy: a listener may read the store; it must not write to it.

#include "labctl/store/allocations.hpp"
#include "labctl/store/change.hpp"
#include "topology/base/clock.hpp"
#include "topology/model/label_selector.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace labctl::store {

// How many changes a watch may be behind. About two boots of a 5,000 pod lab; more would only hold memory.
inline constexpr std::size_t kChangesKept = 10'000;

class Store {
 public:
  using Listener = std::function<void(const Change&)>;

  // Ends the listening when it goes. Must not outlive the store.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Store* store, std::uint64_t id) : store_(store), id_(id) {}
    Subscription(Subscription&& other) noexcept
        : store_(std::exchange(other.store_, nullptr)), id_(other.id_) {}
    Subscription& operator=(Subscription&& other) noexcept;
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { reset(); }
    void reset() noexcept;

   private:
    Store* store_ = nullptr;
    std::uint64_t id_ = 0;
  };

  // The state of a moment: pointers to objects, not copies. Allocations come back with it. Restore the older
  // of two snapshots and the younger is void.
  struct Snapshot;

  // `lab` seeds the uids: the same writes in a lab of the same name give the same
  // uids. `clock` must outlive the store.
  Store(std::string lab, const Clock& clock);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const Clock& clock() const { return clock_; }

  // Takes the object as given, sets the metadata that is the store's, and tells the listeners.
  // Throws Error: AlreadyExists; InvalidInput when metadata, spec or status are no objects, or labels,
  // annotations, owners, finalizers or conditions not what their readers take them for.
  ObjectPtr create(const Key& key, nlohmann::json object);
  // Replaces the object. generation goes up when spec or anything else outside metadata and status changed in
  // an object that has a spec. Nothing is written, and nobody told, when nothing changed. Throws Error:
  // NotFound; Busy when metadata.resourceVersion is given and is not the current one; InvalidInput as create.
  ObjectPtr update(const Key& key, nlohmann::json object);
  // Copies the object, lets `edit` change it and updates. Returns the object as it is afterwards.
  // Throws Error: NotFound.
  ObjectPtr modify(const Key& key, const std::function<void(nlohmann::json&)>& edit);
  // Takes the object out at once, whatever depends on it. The last state, or null when there was none.
  ObjectPtr remove(const Key& key);

  // Null when absent.
  ObjectPtr find(const Key& key) const;
  // Throws Error: NotFound, worded as Kubernetes does: pods "web-0" not found.
  ObjectPtr get(const Key& key) const;
  // By namespace, then name. All namespaces without `ns`; cluster-scoped objects have the namespace "".
  std::vector<ObjectPtr> list(std::string_view resource, const std::optional<std::string>& ns = std::nullopt,
                              const model::LabelSelector& selector = {}) const;
  std::size_t count(std::string_view resource) const;
  // Everything in a namespace, of all resources.
  std::vector<Key> keys_in_namespace(std::string_view ns) const;
  // Where the object with that uid is; nothing when it is gone.
  std::optional<Key> key_of_uid(const std::string& uid) const;
  // Objects with an ownerReference to `uid`; with "" those that no controller owns. Valid until the next
  // write: copy before writing.
  const std::map<Key, ObjectPtr>& owned_by(const std::string& uid) const;

  // The version of the last change; a list's metadata.resourceVersion.
  std::uint64_t version() const { return version_; }
  // What changed after `version`, oldest first. Nothing when that is too
  // long ago (410 Gone) or in the future.
  std::optional<std::vector<Change>> changes_since(std::uint64_t version) const;
  // Called at each change, in the writer's call. What a listener throws is thrown there,
  // once all have heard: the change stands.
  [[nodiscard]] Subscription on_change(Listener listener);

  // Takes the place of a random suffix: 0, 1, 2, ... for each sequence. The
  // sequence of a uid goes with its object.
  std::uint64_t next_in_sequence(const std::string& sequence);
  // Keeps at most `bound` objects of a resource: the one written longest ago goes first (events).
  void set_bound(const std::string& resource, std::size_t bound);

  Allocations& allocations() { return allocations_; }
  const Allocations& allocations() const { return allocations_; }

  Snapshot snapshot() const;
  // Brings back the objects, sequences and allocations of the snapshot. The difference is told as ordinary
  // changes with new versions, so that watchers and controllers see it.
  void restore(const Snapshot& snapshot);

 private:
  struct Entry {
    ObjectPtr object;
    std::uint64_t version = 0;
    bool operator==(const Entry& other) const { return object == other.object; }
  };
  using Name = std::pair<std::string, std::string>;  // namespace, name
  struct Table {
    std::map<Name, Entry> entries;
    std::size_t bound = 0;                           // 0: none
    std::set<std::pair<std::uint64_t, Name>> order;  // by version; kept only with a bound
  };
  using Tables = std::map<std::string, Table, std::less<>>;

  std::string next_uid();
  // Stamps the next version on `object`, puts it in place (or takes it out:
  // type Deleted) and tells everybody.
  ObjectPtr write(ChangeType type, const Key& key, nlohmann::json object);
  void index(const Key& key, const ObjectPtr& object, bool is_new);
  void unindex(const Key& key, const nlohmann::json& object);
  void keep_bound(const std::string& resource);
  void restore_table(const std::string& resource, const std::map<Name, Entry>& wanted);

  std::string lab_;
  const Clock& clock_;
  Tables tables_;
  std::unordered_map<std::string, Key> by_uid_;
  std::unordered_map<std::string, std::map<Key, ObjectPtr>> by_owner_;
  std::map<std::string, std::uint64_t> sequences_;
  std::deque<Change> changes_;
  std::uint64_t version_ = 0;
  std::uint64_t uids_given_ = 0;
  std::map<std::uint64_t, Listener> listeners_;
  std::uint64_t next_listener_ = 0;
  Allocations allocations_;
};

struct Store::Snapshot {
  Tables tables;
  std::map<std::string, std::uint64_t> sequences;
  Allocations::Mark allocations;
};

}  // namespace labctl::store
