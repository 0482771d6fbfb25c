#include "labctl/supervisor/dns_journal.hpp"

#include "probes/protocol/dns_update.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace labctl::supervisor {
namespace {

using dns::Record;
using dns::ZoneChange;

// On the wire a record is its name, ten bytes, and data that text is never shorter than by much; names that
// come again are two bytes (RFC 1035 §4.1.4).
std::size_t bytes_of(const Record& record) { return record.data.size() + 16; }

// Header, question and room to spare.
constexpr std::size_t kRoom = protocol::kDnsUpdateMax - 1'000;

// The change by owner names, in order.
std::map<std::string, ZoneChange> by_name(ZoneChange change) {
  std::map<std::string, ZoneChange> names;
  for (Record& record : change.removed) {
    names[record.name].removed.push_back(std::move(record));
  }
  for (Record& record : change.added) {
    names[record.name].added.push_back(std::move(record));
  }
  return names;
}

// Whole again, in parts of what fits: only a set of records that no reply could hold either is cut.
void add_limited(std::vector<Record>& to, std::vector<Record> from, std::size_t& bytes, const auto& cut) {
  for (Record& record : from) {
    if (bytes + bytes_of(record) > kRoom) {
      cut();
    }
    bytes += bytes_of(record);
    to.push_back(std::move(record));
  }
}

}  // namespace

DnsJournal::DnsJournal(std::vector<std::string> zones) : zones_(std::move(zones)), lists_(zones_.size()) {}

void DnsJournal::add(const std::string& owner, ZoneChange change) {
  const std::size_t zone =
      static_cast<std::size_t>(std::find(zones_.begin(), zones_.end(), change.zone) - zones_.begin());
  const std::string origin = change.zone;
  ZoneChange piece{origin, {}, {}};
  std::size_t bytes = 0;
  const auto cut = [&] {
    if (!piece.removed.empty() || !piece.added.empty()) {
      add_piece(zone, owner, std::exchange(piece, {origin, {}, {}}), bytes);
    }
    bytes = 0;
  };
  for (auto& [name, part] : by_name(std::move(change))) {
    std::size_t more = name.size();
    for (const auto* list : {&part.removed, &part.added}) {
      for (const Record& record : *list) {
        more += bytes_of(record);
      }
    }
    if (bytes + more > kRoom) {
      cut();
    }
    bytes += name.size();
    add_limited(piece.removed, std::move(part.removed), bytes, cut);
    add_limited(piece.added, std::move(part.added), bytes, cut);
  }
  cut();
}

void DnsJournal::add_piece(std::size_t zone, const std::string& owner, ZoneChange change, std::size_t bytes) {
  lists_[zone].entries.push_back({owner, std::move(change), bytes});
}

DnsJournal::Batch DnsJournal::batch(std::size_t zone, Position from, std::size_t count) const {
  const List& list = lists_[zone];
  auto entry = list.entries.begin() + static_cast<std::ptrdiff_t>(from - list.first);
  Batch batch;
  batch.owner = entry->owner;
  // A record that comes and goes again within the batch is not to be spoken of: removals are said first.
  std::set<Record> removed;
  std::set<Record> added;
  std::size_t bytes = 0;
  for (; entry != list.entries.end() && batch.count < count; ++entry, ++batch.count) {
    bytes += entry->bytes;
    if (batch.count > 0 && bytes > kRoom) {
      break;
    }
    for (const Record& record : entry->change.removed) {
      if (added.erase(record) == 0) {
        removed.insert(record);
      }
    }
    for (const Record& record : entry->change.added) {
      if (removed.erase(record) == 0) {
        added.insert(record);
      }
    }
  }
  batch.end = from + batch.count;
  batch.change = {zones_[zone], {removed.begin(), removed.end()}, {added.begin(), added.end()}};
  return batch;
}

void DnsJournal::trim(std::size_t zone, Position position) {
  List& list = lists_[zone];
  while (list.first < position && !list.entries.empty()) {
    list.entries.pop_front();
    ++list.first;
  }
}

}  // namespace labctl::supervisor
