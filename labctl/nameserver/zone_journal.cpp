#include "labctl/nameserver/zone_journal.hpp"

#include "labctl/nameserver/update_message.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace labctl::nameserver {
namespace {

using dns::Record;
using dns::ZoneChange;

std::size_t bytes_of_data(const Record& record) {
  switch (record.type) {
    case dns::RecordType::A:
      return 4;
    case dns::RecordType::Aaaa:
      return 16;
    default:
      return record.data.size() + 2;  // names and numbers are never longer on the wire than as text
  }
}

// Type, class, TTL and the length of the data.
constexpr std::size_t kFixed = 10;

// On the wire, in full. Names that come again may be two bytes (RFC 1035 §4.1.4), but only what stands in the
// first 16 KiB of a message can be pointed to.
std::size_t bytes_of(const Record& record) { return record.name.size() + 1 + kFixed + bytes_of_data(record); }
// Where the name is the first of the message.
std::size_t bytes_of_next(const Record& record) { return 2 + kFixed + bytes_of_data(record); }

// Header, question, a name and room to spare.
constexpr std::size_t kRoom = kDnsUpdateMax - 1'000;

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

}  // namespace

ZoneJournal::ZoneJournal(std::vector<std::string> zones) : zones_(std::move(zones)), lists_(zones_.size()) {}

void ZoneJournal::add(const std::string& owner, ZoneChange change) {
  const std::size_t zone =
      static_cast<std::size_t>(std::find(zones_.begin(), zones_.end(), change.zone) - zones_.begin());
  Entry piece{owner, {zones_[zone], {}, {}}, 0};
  for (auto& [name, part] : by_name(std::move(change))) {
    std::size_t bytes = 0;
    for (const auto* list : {&part.removed, &part.added}) {
      for (const Record& record : *list) {
        bytes += bytes_of(record);
      }
    }
    if (piece.bytes > 0 && piece.bytes + bytes > kRoom) {
      add_piece(zone, std::exchange(piece, {owner, {zones_[zone], {}, {}}, 0}));
    }
    if (bytes > kRoom) {
      add_name(zone, owner, std::move(part));
      continue;
    }
    piece.bytes += bytes;
    std::move(part.removed.begin(), part.removed.end(), std::back_inserter(piece.change.removed));
    std::move(part.added.begin(), part.added.end(), std::back_inserter(piece.change.added));
  }
  if (piece.bytes > 0) {
    add_piece(zone, std::move(piece));
  }
}

// One name with very many records goes alone. What no message holds, and so no reply either, is cut: first
// comes what is new, so that the name never seems to be gone.
void ZoneJournal::add_name(std::size_t zone, const std::string& owner, ZoneChange part) {
  Entry piece{owner, {zones_[zone], {}, {}}, 0};
  std::size_t bytes = 0;
  for (const auto& [from, to] :
       {std::pair(&part.added, &ZoneChange::added), std::pair(&part.removed, &ZoneChange::removed)}) {
    for (Record& record : *from) {
      if (bytes + bytes_of_next(record) > kRoom) {
        add_piece(zone, std::exchange(piece, {owner, {zones_[zone], {}, {}}, 0}));
        bytes = 0;
      }
      bytes += bytes_of_next(record);
      piece.bytes += bytes_of(record);
      (piece.change.*to).push_back(std::move(record));
    }
  }
  add_piece(zone, std::move(piece));
}

void ZoneJournal::add_piece(std::size_t zone, Entry piece) {
  lists_[zone].entries.push_back(std::move(piece));
}

ZoneJournal::Batch ZoneJournal::batch(std::size_t zone, Position from, std::size_t count) const {
  const List& list = lists_[zone];
  auto entry = list.entries.begin() + static_cast<std::ptrdiff_t>(from - list.first);
  Batch batch;
  batch.owner = entry->owner;
  // Of each record only the last is said, whatever it was before: a server that refused a change may lack
  // what it should have.
  std::set<Record> removed;
  std::set<Record> added;
  std::size_t bytes = 0;
  for (; entry != list.entries.end() && batch.count < count; ++entry, ++batch.count) {
    bytes += entry->bytes;
    if (batch.count > 0 && bytes > kRoom) {
      break;
    }
    for (const Record& record : entry->change.removed) {
      added.erase(record);
      removed.insert(record);
    }
    for (const Record& record : entry->change.added) {
      removed.erase(record);
      added.insert(record);
    }
  }
  batch.end = from + batch.count;
  batch.change = {zones_[zone], {removed.begin(), removed.end()}, {added.begin(), added.end()}};
  return batch;
}

void ZoneJournal::trim(std::size_t zone, Position position) {
  List& list = lists_[zone];
  while (list.first < position && !list.entries.empty()) {
    list.entries.pop_front();
    ++list.first;
  }
}

}  // namespace labctl::nameserver
