#pragma once

// Which zones a lab's servers answer for, and the records that are in them.

#include "topology/base/ip_address.hpp"
#include "topology/dns/record.hpp"
#include "topology/model/cluster.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace labctl::dns {

// "1.0.96.10.in-addr.arpa.", "...ip6.arpa."
std::string reverse_name(const IpAddress& address);
// The zone that holds the names of a range: its length rounded down to whole
// octets (IPv6: nibbles), at least one.
std::string reverse_zone(const Prefix& range);

// Holds the reverse names of all other addresses, "9.100.51.198.in-addr.arpa._elsewhere.labctl.": a
// response policy zone, for a server that answered for a whole zone there would deny what others know of
// its other names. '_' begins no name of a cluster's domain, so that this zone is no other's.
inline constexpr const char* kElsewhereZone = "_elsewhere.labctl.";

// The cluster's domain first, then the reverse zones of the Service and pod ranges, each once, and
// kElsewhereZone. Throws Error (InvalidInput) for a domain that DNS cannot say.
std::vector<std::string> zones_of(const model::Cluster& cluster);

// All records of the zones, by who wants them there. A record that several want is there as long as one does.
// A reverse name that belongs into none of the others goes to kElsewhereZone where that is one of the
// zones; what then belongs into none is left out.
class RecordBook {
 public:
  explicit RecordBook(std::vector<std::string> zones);

  // From now on `owner` has exactly these. What changes by that, one a zone, in the
  // order of the zones; none if nothing does.
  std::vector<ZoneChange> set(const std::string& owner, std::vector<Record> records);

  // What to tell a server of which it is not known whether it has these records of `zone`, one of zones().
  ZoneChange as_it_is(const std::string& zone, const std::set<Record>& records) const;

  const std::vector<std::string>& zones() const { return zones_; }
  std::size_t size() const;
  // The zone file of zones()[zone]: SOA, NS and all records, sorted. `server` is the name of the NS record.
  std::string zone_file(std::size_t zone, const std::string& server) const;

 private:
  std::vector<std::string> zones_;
  std::map<std::string, std::vector<Record>> owners_;
  std::vector<std::map<Record, int>> counts_;  // by zone: how many want it
};

}  // namespace labctl::dns
