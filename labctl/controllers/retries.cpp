#include "labctl/controllers/retries.hpp"

#include "labctl/objects/contain.hpp"

#include <utility>

namespace labctl::controllers {

Retries::Time Retries::note_failure(const store::Key& key, Time now) {
  Failing& failing = failing_[key];
  failing.again_at = now + objects::pause_after(++failing.times);
  return failing.again_at;
}

std::optional<Retries::Time> Retries::held_until(const store::Key& key, Time now) const {
  const auto found = failing_.find(key);
  return found != failing_.end() && now < found->second.again_at ? std::optional(found->second.again_at)
                                                                 : std::nullopt;
}

void Retries::put_back_later(Time now, std::function<void()> put_back) {
  later_.emplace(now + kTryAgainAfter, std::move(put_back));
}

void Retries::call_due(Time now) {
  while (!later_.empty() && later_.begin()->first <= now) {
    later_.extract(later_.begin()).mapped()();
  }
}

std::optional<Retries::Time> Retries::next() const {
  return later_.empty() ? std::nullopt : std::optional(later_.begin()->first);
}

}  // namespace labctl::controllers
