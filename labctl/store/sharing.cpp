#include "labctl/store/sharing.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace labctl::store {

void Sharing::refresh(const std::string& pool) {
  std::set<std::string> values;
  for (Allocation& row : table_->list(pool).others) {
    values.insert(std::move(row.value));
  }
  elsewhere_[pool] = std::move(values);
}

const std::set<std::string>& Sharing::elsewhere(std::string_view pool) {
  if (!elsewhere_.contains(pool)) {
    refresh(std::string(pool));
  }
  return elsewhere_.find(pool)->second;
}

const std::set<std::string>& Sharing::look_elsewhere(std::string_view pool) {
  refresh(std::string(pool));
  return elsewhere(pool);
}

bool Sharing::is_held_elsewhere(std::string_view pool, std::string_view value) {
  if (!elsewhere(pool).contains(std::string(value))) {
    return false;
  }
  refresh(std::string(pool));  // it may have been given back
  return elsewhere(pool).contains(std::string(value));
}

void Sharing::add_claim(std::string_view pool, std::string_view value, std::string_view owner) {
  // What we were about to give back is still ours.
  const auto released =
      std::find_if(pending_.releases.begin(), pending_.releases.end(),
                   [&](const Allocation& row) { return row.pool == pool && row.value == value; });
  std::string held_as;
  if (released != pending_.releases.end()) {
    held_as = released->owner;
    pending_.releases.erase(released);
    if (held_as == owner) {
      return;
    }
  }
  pending_.claims.push_back({std::string(pool), std::string(value), std::string(owner), std::move(held_as)});
}

void Sharing::add_release(std::string_view pool, std::string_view value, std::string_view owner) {
  const auto claimed =
      std::find_if(pending_.claims.begin(), pending_.claims.end(), [&](const SharedTable::Claim& claim) {
        return claim.pool == pool && claim.value == value && claim.owner == owner;
      });
  if (claimed == pending_.claims.end()) {
    pending_.releases.push_back({std::string(pool), std::string(value), std::string(owner)});
    return;
  }
  if (!claimed->held_as.empty()) {
    pending_.releases.push_back({claimed->pool, claimed->value, claimed->held_as});
  }
  pending_.claims.erase(claimed);
}

bool Sharing::send_claims(std::vector<Allocation>& sent) {
  if (pending_.claims.empty()) {
    return true;
  }
  for (const SharedTable::Claim& claim : pending_.claims) {
    sent.push_back({claim.pool, claim.value, claim.owner});
  }
  const std::vector<Allocation> conflicts = table_->claim(pending_.claims);
  if (conflicts.empty()) {
    pending_.claims.clear();
    return true;
  }
  sent.clear();
  for (const Allocation& row : conflicts) {
    refresh(row.pool);
  }
  return false;
}

void Sharing::release_later(const std::vector<Allocation>& rows) {
  pending_.releases.insert(pending_.releases.end(), rows.begin(), rows.end());
}

void Sharing::send_releases() noexcept {
  if (pending_.releases.empty()) {
    return;
  }
  try {
    table_->release(pending_.releases);
    pending_.releases.clear();
  } catch (...) {
    // They stay pending, and the values ours.
  }
}

void Sharing::reconcile(const std::string& pool, const std::vector<Allocation>& rows) {
  const SharedTable::Rows there = table_->list(pool);
  const std::set<Allocation> wanted(rows.begin(), rows.end()), ours(there.ours.begin(), there.ours.end());
  std::vector<Allocation> too_many;
  std::set_difference(ours.begin(), ours.end(), wanted.begin(), wanted.end(), std::back_inserter(too_many));
  table_->release(too_many);
  std::vector<SharedTable::Claim> missing;
  for (const Allocation& row : wanted) {
    if (!ours.contains(row)) {
      missing.push_back({row.pool, row.value, row.owner, ""});
    }
  }
  // One by one: some may be another lab's by now, which only an event can tell.
  for (const SharedTable::Claim& claim : missing) {
    table_->claim({claim});
  }
  refresh(pool);
}

}  // namespace labctl::store
