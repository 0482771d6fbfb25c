#include "labctl/apiserver/wait.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

// The value at a pointer; null where there is none, or where the pointer leads into a list by a word.
json value_at(const json& object, const json::json_pointer& pointer) {
  try {
    return object.value(pointer, json());
  } catch (const json::exception&) {
    return {};
  }
}

// Whether it is so, and what there is.
bool is_met(const api::WaitRequest& wanted, const store::ObjectPtr& object, std::string& seen) {
  if (wanted.condition == "Deleted") {
    seen = object == nullptr ? "deleted" : "still there";
    return object == nullptr;
  }
  if (object == nullptr) {
    seen = "no such object";
    return false;
  }
  if (!wanted.condition.empty()) {
    const json* condition = objects::condition(*object, wanted.condition);
    if (condition == nullptr) {
      seen = "no such condition";
      return false;
    }
    const std::string& status = objects::text_at(*condition, "status");
    seen = status + " " + objects::text_at(*condition, "reason");
    return status == "True";
  }
  const json value = value_at(*object, wanted.pointer);
  seen = api::json_line(value);
  // A variable filled into a scenario is text where the object has a number.
  return value == wanted.equals ||
         (wanted.equals.is_string() && seen == wanted.equals.get_ref<const std::string&>());
}

// Between the main loop, which sees the changes, and the connection's thread, which waits for one of them.
struct Waiting {
  Wakeup met_now;
  std::mutex mutex;
  bool met = false;
  std::string seen;
  store::Store::Subscription subscription;  // touched on the main loop only
};

}  // namespace

json wait_for(const LabObjects& lab, const api::WaitRequest& wanted, const Cancel* gone) {
  const auto deadline = std::chrono::steady_clock::now() + wanted.timeout;
  const store::Key key{std::string(wanted.object.kind->plural), wanted.object.ns, wanted.object.name};
  const auto watch = std::make_shared<Waiting>();
  lab.run_on_owner([&] {
    watch->met = is_met(wanted, lab.store.find(key), watch->seen);
    if (watch->met) {
      return;
    }
    watch->subscription =
        lab.store.on_change([watch = watch.get(), wanted, key](const store::Change& change) {
          if (change.key != key) {
            return;
          }
          const std::lock_guard lock(watch->mutex);
          const store::ObjectPtr now = change.type == store::ChangeType::Deleted ? nullptr : change.object;
          if (!watch->met && is_met(wanted, now, watch->seen)) {
            watch->met = true;
            watch->met_now.notify();
          }
        });
  });
  const ScopeExit unsubscribe([&] { lab.post_to_owner([watch] { watch->subscription.reset(); }); });
  const bool was_met = [&] {
    const std::lock_guard lock(watch->mutex);
    return watch->met;
  }();
  if (!was_met) {
    wait_readable(watch->met_now.fd(), deadline, gone);
    throw_if_requested(gone);
  }
  const std::lock_guard lock(watch->mutex);
  return {{"met", watch->met}, {"seen", watch->seen}};
}

}  // namespace labctl::apiserver
