#pragma once

// Changes that a DNS server did not take, until it does: a full disk, a zone that is being read. They are
// kept as the names of what was to change, not as what was to be done, and said again as things are by then;
// so it does not matter what came between, nor that other servers hear them twice (RFC 2136 §3.4.2: to add
// what is there and to remove what is not is no error).
//
// Pure.

#include "labctl/nameserver/zone_journal.hpp"
#include "topology/dns/zones.hpp"

#include <chrono>
#include <map>
#include <set>
#include <string>

namespace labctl::nameserver {

class RefusedChanges {
 public:
  static constexpr std::chrono::milliseconds kAgainAfter{1'000};
  static constexpr std::chrono::milliseconds kAgainAfterMax{60'000};

  // Whether the change is new here: not one that was said again in vain.
  bool add(const std::string& owner, const dns::ZoneChange& change);
  // Nothing is to be said again, or may have to be.
  bool empty() const { return entries_.empty(); }
  // How long to wait before say_again(): longer each time that it was in vain.
  std::chrono::milliseconds delay() const { return delay_; }
  // Puts all that was refused since the last time into the journal. What was not refused again is forgotten.
  // To be called until empty().
  void say_again(const dns::RecordBook& book, ZoneJournal& journal);

 private:
  struct Entry {
    std::set<dns::Record> records;
    bool is_waiting = true;  // false: said again, and not refused since
  };
  std::map<std::pair<std::string, std::string>, Entry> entries_;  // by owner and zone
  std::chrono::milliseconds delay_ = kAgainAfter;
};

}  // namespace labctl::nameserver
