#include "labctl/store/store.hpp"

#include "labctl/store/selectors.hpp"
#include "topology/base/error.hpp"
#include "topology/base/fnv.hpp"
#include "topology/base/timestamp.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

namespace labctl::store {
namespace {

using nlohmann::json;

// Field names as they are looked up by the million: made once.
const std::string kMetadata = "metadata";
const std::string kUid = "uid";

const std::string& uid_in(const json& object) {
  return object.at(kMetadata).at(kUid).get_ref<const std::string&>();
}

// SplitMix64: spreads a counter over 64 bits.
std::uint64_t spread(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

// Calls `visit` with the uid of each owner; `has_controller` tells whether one of them is the controller.
template <typename Visit>
bool for_each_owner(const json& object, const Visit& visit) {
  bool has_controller = false;
  const json& metadata = object.at(kMetadata);
  const auto owners = metadata.find("ownerReferences");
  if (owners == metadata.end() || !owners->is_array()) {
    return false;
  }
  for (const json& owner : *owners) {
    if (!owner.is_object()) {
      continue;
    }
    const auto uid = owner.find(kUid);
    if (uid != owner.end() && uid->is_string()) {
      visit(uid->get_ref<const std::string&>());
    }
    const auto controller = owner.find("controller");
    has_controller = has_controller || (controller != owner.end() && *controller == true);
  }
  return has_controller;
}

bool has_same_owners(const json& before, const json& after) {
  const json& one = before.at(kMetadata);
  const json& other = after.at(kMetadata);
  const auto owners = one.find("ownerReferences");
  const auto others = other.find("ownerReferences");
  if (owners == one.end() || others == other.end()) {
    return owners == one.end() && others == other.end();
  }
  return *owners == *others;
}

// Anything but metadata and status differs.
bool is_spec_changed(const json& before, const json& after) {
  const auto differs = [](const json& one, const json& other) {
    for (const auto& [name, value] : one.items()) {
      if (name == kMetadata || name == "status") {
        continue;
      }
      const auto found = other.find(name);
      if (found == other.end() || *found != value) {
        return true;
      }
    }
    return false;
  };
  return differs(before, after) || differs(after, before);
}

std::string quoted(const Key& key) { return key.resource + " \"" + key.name + "\""; }

Error not_found(const Key& key) { return {ErrorKind::NotFound, quoted(key) + " not found"}; }

bool is_text_map(const json& value) {
  return value.is_object() &&
         std::all_of(value.begin(), value.end(), [](const json& member) { return member.is_string(); });
}

bool is_text_list(const json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_string(); });
}

bool is_object_list(const json& value) {
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_object(); });
}

bool is_owner_list(const json& value) {
  return is_object_list(value) && std::all_of(value.begin(), value.end(), [](const json& owner) {
           const auto uid = owner.find(kUid);
           return uid != owner.end() && uid->is_string();
         });
}

// The frame that everybody relies on who reads objects or writes into them, checked here whoever writes. What
// is inside is the business of those who let objects in.
void check_frame(const Key& key, const json& object) {
  const auto need = [&](const json& parent, const char* name, const char* path, const char* type,
                        bool (*is_right)(const json&)) {
    const auto found = parent.find(name);
    if (found != parent.end() && !is_right(*found)) {
      throw Error(ErrorKind::InvalidInput, quoted(key) + " is invalid: " + path + ": must be " + type);
    }
  };
  const auto is_object = [](const json& value) { return value.is_object(); };
  if (!object.is_object()) {
    throw Error(ErrorKind::InvalidInput, quoted(key) + " is invalid: must be an object");
  }
  need(object, "metadata", "metadata", "an object", is_object);
  need(object, "spec", "spec", "an object", is_object);
  need(object, "status", "status", "an object", is_object);
  if (const auto metadata = object.find(kMetadata); metadata != object.end()) {
    need(*metadata, "labels", "metadata.labels", "an object of texts", is_text_map);
    need(*metadata, "annotations", "metadata.annotations", "an object of texts", is_text_map);
    need(*metadata, "finalizers", "metadata.finalizers", "a list of texts", is_text_list);
    need(*metadata, "ownerReferences", "metadata.ownerReferences", "a list of objects with a uid",
         is_owner_list);
  }
  if (const auto status = object.find("status"); status != object.end()) {
    need(*status, "conditions", "status.conditions", "a list of objects", is_object_list);
    need(*status, "loadBalancer", "status.loadBalancer", "an object", is_object);
  }
}

void name_by_key(json& object, const Key& key) {
  json& metadata = object[kMetadata];
  metadata["name"] = key.name;
  if (!key.ns.empty()) {
    metadata["namespace"] = key.ns;
  }
}

}  // namespace

Store::Subscription& Store::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    reset();
    store_ = std::exchange(other.store_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void Store::Subscription::reset() noexcept {
  if (store_ != nullptr) {
    store_->listeners_.erase(id_);
    store_ = nullptr;
  }
}

Store::Store(std::string lab, const Clock& clock) : lab_(std::move(lab)), clock_(clock) {}
Store::~Store() = default;

ObjectPtr Store::create(const Key& key, json object) {
  if (find(key) != nullptr) {
    throw Error(ErrorKind::AlreadyExists, quoted(key) + " already exists");
  }
  check_frame(key, object);
  name_by_key(object, key);
  json& metadata = object[kMetadata];
  metadata[kUid] = next_uid();
  metadata["creationTimestamp"] = timestamp(clock_.wall());
  if (object.contains("spec")) {
    metadata["generation"] = 1;
  } else {
    metadata.erase("generation");
  }
  for (const char* stale : {"deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"}) {
    metadata.erase(stale);
  }
  ObjectPtr created = write(ChangeType::Added, key, std::move(object));
  keep_bound(key.resource);
  return created;
}

ObjectPtr Store::update(const Key& key, json object) {
  const ObjectPtr before = get(key);
  const json& old = before->at(kMetadata);
  check_frame(key, object);
  name_by_key(object, key);
  json& metadata = object[kMetadata];
  const std::string& current = old.at("resourceVersion").get_ref<const std::string&>();
  const auto given = metadata.find("resourceVersion");
  if (given != metadata.end() && *given != "" && *given != current) {
    throw Error(ErrorKind::Busy,
                "Operation cannot be fulfilled on " + quoted(key) +
                    ": the object has been modified; please apply your changes to the latest "
                    "version and try again");
  }
  for (const char* dropped : {"managedFields", "selfLink"}) {
    metadata.erase(dropped);
  }
  for (const char* owned : {"uid", "creationTimestamp", "resourceVersion", "generation"}) {
    if (const auto value = old.find(owned); value != old.end()) {
      metadata[owned] = *value;
    } else {
      metadata.erase(owned);
    }
  }
  if (object == *before) {
    return before;
  }
  if (object.contains("spec") && is_spec_changed(*before, object)) {
    metadata["generation"] = old.value("generation", 0) + 1;
  }
  return write(ChangeType::Modified, key, std::move(object));
}

ObjectPtr Store::modify(const Key& key, const std::function<void(json&)>& edit) {
  json copy = *get(key);
  edit(copy);
  return update(key, std::move(copy));
}

ObjectPtr Store::remove(const Key& key) {
  const ObjectPtr last = find(key);
  return last == nullptr ? nullptr : write(ChangeType::Deleted, key, *last);
}

ObjectPtr Store::find(const Key& key) const {
  const auto table = tables_.find(key.resource);
  if (table == tables_.end()) {
    return nullptr;
  }
  const auto entry = table->second.entries.find({key.ns, key.name});
  return entry == table->second.entries.end() ? nullptr : entry->second.object;
}

ObjectPtr Store::get(const Key& key) const {
  ObjectPtr found = find(key);
  if (found == nullptr) {
    throw not_found(key);
  }
  return found;
}

std::vector<ObjectPtr> Store::list(std::string_view resource, const std::optional<std::string>& ns,
                                   const model::LabelSelector& selector) const {
  std::vector<ObjectPtr> found;
  const auto table = tables_.find(resource);
  if (table == tables_.end()) {
    return found;
  }
  const auto& entries = table->second.entries;
  for (auto entry = ns ? entries.lower_bound({*ns, ""}) : entries.begin(); entry != entries.end(); ++entry) {
    if (ns && entry->first.first != *ns) {
      break;
    }
    if (matches(selector, *entry->second.object)) {
      found.push_back(entry->second.object);
    }
  }
  return found;
}

std::size_t Store::count(std::string_view resource) const {
  const auto table = tables_.find(resource);
  return table == tables_.end() ? 0 : table->second.entries.size();
}

std::vector<Key> Store::keys_in_namespace(std::string_view ns) const {
  std::vector<Key> keys;
  for (const auto& [resource, table] : tables_) {
    const auto first = table.entries.lower_bound({std::string(ns), ""});
    for (auto entry = first; entry != table.entries.end() && entry->first.first == ns; ++entry) {
      keys.push_back({resource, entry->first.first, entry->first.second});
    }
  }
  return keys;
}

std::optional<Key> Store::key_of_uid(const std::string& uid) const {
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? std::nullopt : std::optional(found->second);
}

const std::map<Key, ObjectPtr>& Store::owned_by(const std::string& uid) const {
  static const std::map<Key, ObjectPtr> kNone;
  const auto found = by_owner_.find(uid);
  return found == by_owner_.end() ? kNone : found->second;
}

std::optional<std::vector<Change>> Store::changes_since(std::uint64_t version) const {
  // Versions of changes follow each other without gaps.
  const std::uint64_t oldest = version_ - changes_.size();
  if (version > version_ || version < oldest) {
    return std::nullopt;
  }
  return std::vector<Change>(changes_.begin() + static_cast<std::ptrdiff_t>(version - oldest),
                             changes_.end());
}

Store::Subscription Store::on_change(Listener listener) {
  const std::uint64_t id = next_listener_++;
  listeners_.emplace(id, std::move(listener));
  return {this, id};
}

std::uint64_t Store::next_in_sequence(const std::string& sequence) { return sequences_[sequence]++; }

void Store::set_bound(const std::string& resource, std::size_t bound) {
  Table& table = tables_[resource];
  if (table.bound == 0) {
    for (const auto& [name, entry] : table.entries) {
      table.order.emplace(entry.version, name);
    }
  }
  table.bound = bound;
  keep_bound(resource);
}

void Store::keep_bound(const std::string& resource) {
  const Table& table = tables_.find(resource)->second;
  while (table.bound > 0 && table.entries.size() > table.bound) {
    const Name oldest = table.order.begin()->second;
    remove({resource, oldest.first, oldest.second});
  }
}

Store::Snapshot Store::snapshot() const { return {tables_, sequences_, allocations_.mark()}; }

void Store::restore(const Snapshot& snapshot) {
  std::set<std::string> resources;
  for (const Tables* tables : {&std::as_const(tables_), &snapshot.tables}) {
    for (const auto& [resource, table] : *tables) {
      resources.insert(resource);
    }
  }
  static const std::map<Name, Entry> kNone;
  for (const std::string& resource : resources) {
    const auto wanted = snapshot.tables.find(resource);
    restore_table(resource, wanted == snapshot.tables.end() ? kNone : wanted->second.entries);
  }
  sequences_ = snapshot.sequences;
  allocations_.roll_back(snapshot.allocations);
}

void Store::restore_table(const std::string& resource, const std::map<Name, Entry>& wanted) {
  const std::map<Name, Entry> present = tables_[resource].entries;
  for (const auto& [name, entry] : present) {
    if (!wanted.contains(name)) {
      write(ChangeType::Deleted, {resource, name.first, name.second}, *entry.object);
    }
  }
  for (const auto& [name, entry] : wanted) {
    const Key key{resource, name.first, name.second};
    const auto found = present.find(name);
    if (found == present.end()) {
      write(ChangeType::Added, key, *entry.object);
    } else if (found->second.object != entry.object) {
      // Another object under the old name: its dependents must see it go.
      if (uid_in(*found->second.object) != uid_in(*entry.object)) {
        write(ChangeType::Deleted, key, *found->second.object);
        write(ChangeType::Added, key, *entry.object);
      } else {
        write(ChangeType::Modified, key, *entry.object);
      }
    }
  }
}

std::string Store::next_uid() {
  const std::uint64_t seed = fnv1a(lab_) + ++uids_given_;
  const std::uint64_t high = spread(seed);
  const std::uint64_t low = spread(high ^ seed);
  std::array<char, 40> text{};
  // Version 5 (from a name) and the RFC 9562 variant.
  std::snprintf(text.data(), text.size(), "%08x-%04x-5%03x-%04x-%012llx", static_cast<unsigned>(high >> 32U),
                static_cast<unsigned>((high >> 16U) & 0xFFFFU), static_cast<unsigned>(high & 0xFFFU),
                static_cast<unsigned>(((low >> 48U) & 0x3FFFU) | 0x8000U),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFU));
  return text.data();
}

ObjectPtr Store::write(ChangeType type, const Key& key, json object) {
  ++version_;
  object[kMetadata]["resourceVersion"] = std::to_string(version_);
  ObjectPtr written = std::make_shared<const json>(std::move(object));
  Table& table = tables_[key.resource];
  const Name name{key.ns, key.name};
  Entry& entry = table.entries[name];
  const Change change{type, key, written, std::exchange(entry.object, written), version_};
  if (table.bound > 0) {
    table.order.erase({entry.version, name});
  }
  entry.version = version_;
  // Most writes are of status: the object stays where the indexes have it.
  const bool has_moved = change.before == nullptr || !has_same_owners(*change.before, *written);
  if (change.before != nullptr && (has_moved || type == ChangeType::Deleted)) {
    unindex(key, *change.before);
  }
  if (type == ChangeType::Deleted) {
    table.entries.erase(name);
    sequences_.erase(uid_in(*written));
  } else {
    index(key, written, has_moved);
    if (table.bound > 0) {
      table.order.emplace(version_, name);
    }
  }
  changes_.push_back(change);
  if (changes_.size() > kChangesKept) {
    changes_.pop_front();
  }
  // All hear of it, whatever one of them throws: what a listener has not heard it never does.
  std::exception_ptr first;
  for (const auto& [id, listener] : listeners_) {
    try {
      listener(change);
    } catch (...) {
      first = first ? first : std::current_exception();
    }
  }
  if (first) {
    std::rethrow_exception(first);
  }
  return written;
}

void Store::index(const Key& key, const ObjectPtr& object, bool is_new) {
  if (is_new) {
    by_uid_[uid_in(*object)] = key;
  }
  if (!for_each_owner(*object,
                      [&](const std::string& uid) { by_owner_[uid].insert_or_assign(key, object); })) {
    by_owner_[""].insert_or_assign(key, object);
  }
}

void Store::unindex(const Key& key, const json& object) {
  by_uid_.erase(uid_in(object));
  const auto drop = [&](const std::string& uid) {
    const auto owned = by_owner_.find(uid);
    if (owned != by_owner_.end() && owned->second.erase(key) > 0 && owned->second.empty()) {
      by_owner_.erase(owned);
    }
  };
  if (!for_each_owner(object, drop)) {
    drop("");
  }
}

}  // namespace labctl::store
