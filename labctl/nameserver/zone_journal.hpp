#pragma once

// What changed in the zones of a lab, in order, until every DNS server has it. A server has a position in
// each zone's list; what is behind the last of them is forgotten. Pure.

#include "topology/dns/record.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace labctl::nameserver {

class ZoneJournal {
 public:
  using Position = std::uint64_t;

  // Several changes as one message.
  struct Batch {
    dns::ZoneChange change;  // how each record is at the end
    Position end = 0;        // where the server is once it has it
    std::string owner;       // of the first
    std::size_t count = 0;
  };

  explicit ZoneJournal(std::vector<std::string> zones);

  const std::vector<std::string>& zones() const { return zones_; }
  // `owner` is what the change comes from, "svc default/web". A change too long for one message is cut
  // between names, so that the records of a name still change at once.
  void add(const std::string& owner, dns::ZoneChange change);
  // Behind the last change.
  Position end(std::size_t zone) const { return lists_[zone].first + lists_[zone].entries.size(); }
  // What follows `from`, at most `count` changes and one message. `from` must not be the end.
  Batch batch(std::size_t zone, Position from, std::size_t count) const;
  // Nobody needs what is before `position`.
  void trim(std::size_t zone, Position position);

 private:
  struct Entry {
    std::string owner;
    dns::ZoneChange change;
    std::size_t bytes = 0;  // in a message together with others, at most
  };
  struct List {
    Position first = 0;
    std::deque<Entry> entries;
  };
  void add_name(std::size_t zone, const std::string& owner, dns::ZoneChange part);
  void add_piece(std::size_t zone, Entry piece);

  std::vector<std::string> zones_;
  std::vector<List> lists_;
};

}  // namespace labctl::nameserver
