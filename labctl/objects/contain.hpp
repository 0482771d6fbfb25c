#pragma once

// One object's work, kept from harming that of the others. Objects come from users, and meet more code than
// any table of checks knows: whatever such work throws belongs to that object, and to it only.
//
// Threads: the store's.

#include "labctl/store/change.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace labctl::store {
class Store;
}

namespace labctl::objects {

// Does `work`, which is about the object at `key`. What it throws, of whatever type, becomes a Warning event
// of the object, if there is one, and a line of the log, and goes no further. Whether it came to its end.
// `reason` and `component` as for record().
bool contain(store::Store& store, const store::Key& key, std::string_view reason, std::string_view component,
             const std::function<void()>& work) noexcept;

// The same words for a failure met already.
void tell_failure(store::Store& store, const store::Key& key, std::string_view reason,
                  std::string_view component, const std::string& words) noexcept;

// How long what has failed `times` in a row (from 1) waits: 1, 2, 4 ... 64 s. A workload that fails each time
// is no load, and what was mended is noticed within about a minute.
std::chrono::seconds pause_after(int times);

}  // namespace labctl::objects
