#include "labctl/nameserver/refused_changes.hpp"

#include <algorithm>
#include <utility>

namespace labctl::nameserver {

bool RefusedChanges::add(const std::string& owner, const dns::ZoneChange& change) {
  const auto [entry, is_new] = entries_.try_emplace({owner, change.zone});
  entry->second.records.insert(change.removed.begin(), change.removed.end());
  entry->second.records.insert(change.added.begin(), change.added.end());
  entry->second.is_waiting = true;
  return is_new;
}

void RefusedChanges::say_again(const dns::RecordBook& book, ZoneJournal& journal) {
  std::erase_if(entries_, [](const auto& entry) { return !entry.second.is_waiting; });
  for (auto& [of, entry] : entries_) {
    journal.add(of.first, book.as_it_is(of.second, entry.records));
    entry.is_waiting = false;
  }
  delay_ = entries_.empty() ? kAgainAfter : std::min(2 * delay_, kAgainAfterMax);
}

}  // namespace labctl::nameserver
