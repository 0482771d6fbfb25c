#include "labctl/controllers/contain.hpp"

#include "labctl/controllers/events.hpp"
#include "labctl/store/store.hpp"
#include "topology/base/error.hpp"

#include <spdlog/spdlog.h>

#include <cxxabi.h>
#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <typeinfo>

namespace labctl::controllers {
namespace {

constexpr int kDoublingsMax = 6;

}  // namespace

std::string words_of_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    const std::string words = error.what();
    return words.empty() ? std::string(to_string(error.kind())) : words;
  } catch (const std::exception& error) {
    const std::string words = error.what();
    return words.empty() ? typeid(error).name() : words;
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return std::string("something was thrown that says nothing") +
           (type == nullptr ? "" : std::string(" (") + type->name() + ")");
  }
}

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

}  // namespace labctl::controllers
