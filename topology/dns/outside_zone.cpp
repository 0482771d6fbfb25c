// The root zone of the outside world's server.

#include "topology/dns/named_conf.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::dns {
namespace {

constexpr const char* kParent = ".example.org";
constexpr const char* kServer = "ns.dns.outside.";

// Tabs part words.
bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// One line of a zone file and no more: it opens no quotes and brackets that later lines would stand in, gives
// the file no directive, and has a name of its own.
bool is_whole_line(std::string_view line) {
  if (line.empty() || std::string_view("$; \t").find(line.front()) != std::string_view::npos ||
      std::any_of(line.begin(), line.end(), is_control)) {
    return false;
  }
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\') {
      ++i;  // what follows is text
      if (i == line.size()) {
        return false;
      }
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && c == ';') {
      return true;  // the rest is a comment
    } else if (!is_quoted && (c == '(' || c == ')')) {
      return false;
    }
  }
  return !is_quoted;
}

// Whose record it is, or nothing if that is no name of a host ("*.example.org.").
std::optional<std::string> owner_of(std::string_view line) {
  return domain_name(line.substr(0, line.find_first_of(" \t")));
}

}  // namespace

std::string outside_zone(const model::Outside& outside, const std::vector<IpAddress>& server) {
  const std::string ttl = std::to_string(kTtl);
  std::string text = "$TTL " + ttl + "\n. " + ttl + " IN SOA " + kServer +
                     " hostmaster.outside. 1 7200 1800 86400 " + ttl + "\n. " + ttl + " IN NS " + kServer +
                     "\n";
  const auto add = [&](const std::string& name, const std::vector<IpAddress>& addresses) {
    for (const IpAddress& address : addresses) {
      const bool is_v4 = address.family() == Family::IPv4;
      text += to_text({name, is_v4 ? RecordType::A : RecordType::Aaaa, to_string(address)}) + "\n";
    }
  };
  add(kServer, server);

  std::set<std::string> told;
  std::string by_user;
  for (const std::string& line : outside.dns_records) {
    if (!is_whole_line(line)) {
      continue;
    }
    if (auto owner = owner_of(line)) {
      told.insert(*std::move(owner));
    }
    by_user += line + "\n";
  }
  for (const model::OutsideHost& host : outside.hosts) {
    const auto name = domain_name(host.name + kParent);
    if (name && !told.contains(*name)) {
      add(*name, host.addresses);
    }
  }
  return text + by_user;
}

}  // namespace labctl::dns
