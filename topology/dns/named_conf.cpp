#include "topology/dns/named_conf.hpp"

#include "topology/base/error.hpp"
#include "topology/dns/zones.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace labctl::dns {
namespace {

// '_' begins no name of a cluster's domain, so that this zone is no other's.
constexpr const char* kHostsZone = "_hosts.labctl.";

// named.conf's quoted string.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      throw Error(ErrorKind::InvalidInput,
                  "the folder of the DNS server has a control character in its name");
    }
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

// "{ 10.0.0.1; 10.0.0.2; }", "{ none; }".
std::string address_list(const std::vector<IpAddress>& addresses) {
  std::string list = "{ ";
  for (const IpAddress& address : addresses) {
    list += to_string(address) + "; ";
  }
  return list + (addresses.empty() ? "none; }" : "}");
}

std::vector<IpAddress> of_family(const std::vector<IpAddress>& addresses, Family family) {
  std::vector<IpAddress> some;
  std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(some),
               [&](const IpAddress& address) { return address.family() == family; });
  return some;
}

// What every server of a lab does: nothing is written but zones and journals below `directory`, nothing is
// validated, nothing is kept for longer than it is true. A lock file is not spoken of: BIND 9.18 makes none
// unless told to, and 9.20 knows no such option.
std::string common_options(const std::string& directory) {
  const std::string folder = in_quotes(directory);
  return "  directory " + folder + "; managed-keys-directory " + folder +
         ";\n"
         "  pid-file none; session-keyfile none;\n"
         "  allow-query { any; }; allow-transfer { none; };\n"
         "  dnssec-validation no; empty-zones-enable no; notify no; interface-interval 0;\n"
         "  check-names primary ignore; check-integrity no;\n"
         "  version none; hostname none; server-id none; answer-cookie no;\n"
         "  rrset-order { order cyclic; };\n";
}

// Of a container, so to stderr, which has times of its own. What the server says of zones that do not load
// and of refused updates is at error or warning.
std::string logging(bool logs_queries) {
  const std::string fields = " print-time no; print-category yes; print-severity yes; };\n";
  std::string text =
      "controls { };\n"
      "logging {\n"
      "  channel trouble { stderr; severity warning;" +
      fields + "  category default { trouble; };\n";
  if (logs_queries) {
    text += "  channel all { stderr; severity info;" + fields + "  category queries { all; };\n";
  }
  return text + "};\n";
}

std::string without_dot(std::string name) {
  name.pop_back();
  return name;
}

// Other servers are asked for these names, also below the cluster's own domain. The first of two suffixes
// that are one counts.
std::string stub_zones(const ServerConfig& config, std::set<std::string> taken) {
  std::string text;
  for (const model::StubDomain& stub : config.stub_domains) {
    const auto name = domain_name(stub.suffix);
    if (!name || stub.servers.empty() || !taken.insert(*name).second) {
      continue;
    }
    const std::string servers = address_list(stub.servers);
    text += "zone \"" + without_dot(*name) + "\" { type static-stub; server-addresses " + servers +
            "; forward only; forwarders " + servers + "; };\n";
  }
  return text;
}

// What is answered for single names, whoever else answers for their zones.
std::string response_policy(const ServerConfig& config) {
  std::string zones;
  if (config.has_hosts) {
    zones += "zone \"" + without_dot(kHostsZone) + "\"; ";
  }
  if (std::find(config.zones.begin(), config.zones.end(), kElsewhereZone) != config.zones.end()) {
    zones += "zone \"" + without_dot(kElsewhereZone) + "\" min-update-interval 0; ";
  }
  return zones.empty()
             ? ""
             : "  response-policy { " + zones + "} qname-wait-recurse no break-dnssec yes add-soa no;\n";
}

}  // namespace

std::string zone_file_name(const std::string& zone) {
  return zone == "." ? "root.zone" : required_domain_name(zone) + "zone";
}

std::string cluster_named_conf(const ServerConfig& config) {
  std::string text = "options {\n" + common_options(config.directory) +
                     "  listen-on port 53 { any; }; listen-on-v6 port 53 { any; };\n"
                     "  recursion yes; allow-recursion { any; }; allow-query-cache { any; };\n"
                     "  minimal-responses no-auth-recursive;\n"
                     "  max-cache-size 8m; max-cache-ttl 5; max-ncache-ttl 1; max-journal-size 1m;\n";
  if (!config.forwarders.empty()) {
    text += "  forward only; forwarders " + address_list(config.forwarders) + ";\n";
  }
  text += response_policy(config);
  if (config.logs_queries) {
    text += "  querylog yes;\n";
  }
  text += "};\n" + logging(config.logs_queries);

  std::set<std::string> taken{kHostsZone};
  for (const std::string& zone : config.zones) {
    const std::string name = required_domain_name(zone);
    if (taken.insert(name).second) {
      // The updater alone asks for what is policy.
      const std::string who = name == kElsewhereZone ? " allow-query { 127.0.0.1; };" : "";
      text += "zone \"" + without_dot(name) + "\" { type primary; file \"" + zone_file_name(name) +
              "\"; allow-update { 127.0.0.1; };" + who + " };\n";
    }
  }
  if (config.has_hosts) {
    text += "zone \"" + without_dot(kHostsZone) + "\" { type primary; file \"" + kHostsFile +
            "\"; allow-query { none; }; };\n";
  }
  if (config.forwarders.empty()) {
    // Without it the root servers of the Internet are the last resort.
    text += "zone \".\" { type hint; file \"/dev/null\"; };\n";
  }
  return text + stub_zones(config, std::move(taken));
}

std::string hosts_zone(const std::vector<model::HostOverride>& hosts) {
  const std::string ttl = " " + std::to_string(kTtl) + " IN ";
  std::set<std::string> lines;
  for (const model::HostOverride& host : hosts) {
    const bool is_v4 = host.address.family() == Family::IPv4;
    for (const std::string& name : host.names) {
      // A final dot first: "web." is "web".
      const auto plain = domain_name(name);
      if (const auto owner = plain ? domain_name(*plain + kHostsZone) : std::nullopt) {
        lines.insert(to_text({*owner, is_v4 ? RecordType::A : RecordType::Aaaa, to_string(host.address)}));
      }
    }
  }
  std::string text = std::string(kHostsZone) + ttl + "SOA " + kHostsZone + " hostmaster." + kHostsZone +
                     " 1 7200 1800 86400 " + std::to_string(kTtl) + "\n" + kHostsZone + ttl +
                     "NS localhost.\n";
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

std::string outside_named_conf(const std::string& directory, const std::vector<IpAddress>& listen_on) {
  return "options {\n" + common_options(directory) + "  listen-on port 53 " +
         address_list(of_family(listen_on, Family::IPv4)) + "; listen-on-v6 port 53 " +
         address_list(of_family(listen_on, Family::IPv6)) +
         ";\n  recursion no; minimal-responses yes;\n};\n" + logging(false) +
         "zone \".\" { type primary; file \"" + zone_file_name(".") + "\"; };\n";
}

}  // namespace labctl::dns
