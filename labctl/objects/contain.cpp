#include "labctl/objects/contain.hpp"

#include "labctl/objects/events.hpp"
#include "labctl/store/store.hpp"
#include "topology/base/current_exception.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace labctl::objects {
namespace {

constexpr int kDoublingsMax = 6;

}  // namespace

void tell_failure(store::Store& store, const store::Key& key, std::string_view reason,
                  std::string_view component, const std::string& words) noexcept {
  try {
    spdlog::warn("{}: {}: {}", store::to_string(key), reason, words);
    if (const store::ObjectPtr object = store.find(key)) {
      record(store, *object, EventType::Warning, reason, words, component);
    }
  } catch (...) {
    spdlog::error("an event {} could not be written: {}", reason, words_of_current_exception());
  }
}

bool contain(store::Store& store, const store::Key& key, std::string_view reason, std::string_view component,
             const std::function<void()>& work) noexcept {
  try {
    work();
    return true;
  } catch (...) {
    tell_failure(store, key, reason, component, words_of_current_exception());
    return false;
  }
}

std::chrono::seconds pause_after(int times) {
  return std::chrono::seconds(1) * (1 << std::clamp(times - 1, 0, kDoublingsMax));
}

}  // namespace labctl::objects
