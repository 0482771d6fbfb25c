#include "topology/dns/zones.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace labctl::dns {
namespace {

constexpr int kBitsOfOctet = 8;
constexpr int kBitsOfNibble = 4;

// The reverse name of the first `count` octets (IPv6: nibbles).
std::string reversed(const IpAddress& address, int count) {
  std::string name;
  if (address.family() == Family::IPv4) {
    for (int i = count - 1; i >= 0; --i) {
      name += std::to_string(address.bytes()[static_cast<std::size_t>(i)]) + ".";
    }
    return name + "in-addr.arpa.";
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = count - 1; i >= 0; --i) {
    const std::uint8_t byte = address.bytes()[static_cast<std::size_t>(i / 2)];
    name += kDigits[i % 2 == 0 ? byte >> kBitsOfNibble : byte & 0xf];
    name += '.';
  }
  return name + "ip6.arpa.";
}

int bits_of_part(Family family) { return family == Family::IPv4 ? kBitsOfOctet : kBitsOfNibble; }

bool is_in_zone(std::string_view name, std::string_view zone) {
  return name.ends_with(zone) && (name.size() == zone.size() || name[name.size() - zone.size() - 1] == '.');
}

bool is_reverse(std::string_view name) {
  return is_in_zone(name, "in-addr.arpa.") || is_in_zone(name, "ip6.arpa.");
}

// The zone with the longest name that holds it.
std::optional<std::size_t> zone_of(const std::vector<std::string>& zones, std::string_view name) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < zones.size(); ++i) {
    if (is_in_zone(name, zones[i]) && (!best || zones[i].size() > zones[*best].size())) {
      best = i;
    }
  }
  return best;
}

}  // namespace

std::string reverse_name(const IpAddress& address) {
  return reversed(address, static_cast<int>(address.size()) * kBitsOfOctet / bits_of_part(address.family()));
}

std::string reverse_zone(const Prefix& range) {
  return reversed(range.address(), std::max(1, range.length() / bits_of_part(range.family())));
}

std::vector<std::string> zones_of(const model::Cluster& cluster) {
  std::vector<std::string> zones{required_domain_name(cluster.dns.domain)};
  for (const auto* ranges : {&cluster.network.service_cidrs, &cluster.network.pod_cidrs}) {
    for (const Prefix& range : *ranges) {
      std::string zone = reverse_zone(range);
      if (std::find(zones.begin(), zones.end(), zone) == zones.end()) {
        zones.push_back(std::move(zone));
      }
    }
  }
  zones.emplace_back(kElsewhereZone);
  return zones;
}

RecordBook::RecordBook(std::vector<std::string> zones) : zones_(std::move(zones)), counts_(zones_.size()) {}

std::vector<ZoneChange> RecordBook::set(const std::string& owner, std::vector<Record> records) {
  for (Record& record : records) {
    if (is_reverse(record.name) && !zone_of(zones_, record.name)) {
      record.name += kElsewhereZone;
    }
  }
  std::erase_if(records, [&](const Record& record) { return !zone_of(zones_, record.name); });
  std::sort(records.begin(), records.end());
  records.erase(std::unique(records.begin(), records.end()), records.end());

  std::vector<Record>& had = owners_[owner];
  std::vector<Record> gone;
  std::vector<Record> fresh;
  std::set_difference(had.begin(), had.end(), records.begin(), records.end(), std::back_inserter(gone));
  std::set_difference(records.begin(), records.end(), had.begin(), had.end(), std::back_inserter(fresh));
  if (records.empty()) {
    owners_.erase(owner);
  } else {
    had = std::move(records);
  }

  std::vector<ZoneChange> changes(zones_.size());
  for (Record& record : gone) {
    const std::size_t zone = *zone_of(zones_, record.name);
    const auto found = counts_[zone].find(record);
    if (--found->second == 0) {
      counts_[zone].erase(found);
      changes[zone].removed.push_back(std::move(record));
    }
  }
  for (Record& record : fresh) {
    const std::size_t zone = *zone_of(zones_, record.name);
    if (++counts_[zone][record] == 1) {
      changes[zone].added.push_back(std::move(record));
    }
  }
  for (std::size_t zone = 0; zone < zones_.size(); ++zone) {
    changes[zone].zone = zones_[zone];
  }
  std::erase_if(changes,
                [](const ZoneChange& change) { return change.removed.empty() && change.added.empty(); });
  return changes;
}

ZoneChange RecordBook::as_it_is(const std::string& zone, const std::set<Record>& records) const {
  const auto index = std::find(zones_.begin(), zones_.end(), zone) - zones_.begin();
  ZoneChange change{zone, {}, {}};
  for (const Record& record : records) {
    (counts_.at(static_cast<std::size_t>(index)).contains(record) ? change.added : change.removed)
        .push_back(record);
  }
  return change;
}

std::size_t RecordBook::size() const {
  std::size_t size = 0;
  for (const auto& records : counts_) {
    size += records.size();
  }
  return size;
}

std::string RecordBook::zone_file(std::size_t zone, const std::string& server) const {
  constexpr std::size_t kUsualLine = 100;
  const std::string& origin = zones_.at(zone);
  const std::string name_server = required_domain_name(server);
  const std::string ttl = " " + std::to_string(kTtl) + " IN ";
  std::string text;
  text.reserve((counts_[zone].size() + 2) * kUsualLine);
  text += origin + ttl + "SOA " + name_server + " hostmaster." + origin + " 1 7200 1800 86400 " +
          std::to_string(kTtl) + "\n";
  text += origin + ttl + "NS " + name_server + "\n";
  for (const auto& [record, wanted] : counts_[zone]) {
    text += to_text(record);
    text += '\n';
  }
  return text;
}

}  // namespace labctl::dns
