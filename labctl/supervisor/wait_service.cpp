#include "labctl/supervisor/wait_service.hpp"

#include "labctl/api/resource_kinds.hpp"
#include "labctl/supervisor/lab.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

namespace labctl::supervisor {
namespace {

using nlohmann::json;

constexpr int kTimeoutMsMax = 3'600'000;

struct Wanted {
  store::Key key;
  std::string condition;
  json::json_pointer pointer;
  json equals;
};

Wanted parse(const json& request) {
  const api::ResourceKind* kind = api::find_resource(request.value("resource", ""));
  if (kind == nullptr) {
    throw Error(ErrorKind::InvalidInput, "wait: \"" + request.value("resource", "") + "\": no such resource");
  }
  Wanted wanted;
  wanted.key = {std::string(kind->plural), kind->namespaced ? request.value("namespace", "default") : "",
                request.value("name", "")};
  wanted.condition = request.value("condition", "");
  try {
    wanted.pointer = json::json_pointer(request.value("pointer", ""));
  } catch (const json::parse_error&) {
    throw Error(ErrorKind::InvalidInput, "wait: \"" + request.value("pointer", "") + "\": no JSON pointer");
  }
  wanted.equals = request.value("equals", json());
  return wanted;
}

// Whether it is so, and what there is.
bool is_met(const Wanted& wanted, const store::ObjectPtr& object, std::string& seen) {
  if (wanted.condition == "Deleted") {
    seen = object == nullptr ? "deleted" : "still there";
    return object == nullptr;
  }
  if (object == nullptr) {
    seen = "no such object";
    return false;
  }
  if (!wanted.condition.empty()) {
    for (const json& condition : object->value("/status/conditions"_json_pointer, json::array())) {
      if (condition.value("type", "") == wanted.condition) {
        seen = condition.value("status", "") + " " + condition.value("reason", "");
        return condition.value("status", "") == "True";
      }
    }
    seen = "no such condition";
    return false;
  }
  const json value = object->value(wanted.pointer, json());
  seen = value.dump();
  // A variable filled into a scenario is text where the object has a number.
  return value == wanted.equals ||
         (wanted.equals.is_string() && value.dump() == wanted.equals.get<std::string>());
}

struct Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  bool met = false;
  std::string seen;
  store::Store::Subscription subscription;  // touched on the main loop only
};

}  // namespace

json wait_for(Lab& lab, const json& request) {
  const Wanted wanted = parse(request);
  const std::chrono::milliseconds timeout(std::clamp(request.value("timeout_ms", 30'000), 0, kTimeoutMsMax));
  const auto watch = std::make_shared<Waiting>();
  lab.loop().run_here([&] {
    watch->met = is_met(wanted, lab.objects().find(wanted.key), watch->seen);
    if (watch->met) {
      return;
    }
    watch->subscription = lab.objects().on_change([watch = watch.get(), wanted](const store::Change& change) {
      if (change.key != wanted.key) {
        return;
      }
      const std::lock_guard lock(watch->mutex);
      const store::ObjectPtr now = change.type == store::ChangeType::Deleted ? nullptr : change.object;
      watch->met = watch->met || is_met(wanted, now, watch->seen);
      watch->changed.notify_one();
    });
  });
  {
    std::unique_lock lock(watch->mutex);
    watch->changed.wait_for(lock, timeout, [&] { return watch->met; });
  }
  lab.loop().run_here([&] { watch->subscription.reset(); });
  return {{"met", watch->met}, {"seen", watch->seen}};
}

}  // namespace labctl::supervisor
