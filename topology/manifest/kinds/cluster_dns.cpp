// The DNS of a Cluster: its own servers', and the records of the outside world's.

#include "topology/manifest/kinds/cluster_parts.hpp"
#include "topology/manifest/kinds/dns_record.hpp"
#include "topology/manifest/yaml/tree_values.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace labctl::manifest {
namespace {

using model::Cluster;

// Whether `name` is `domain` or below it.
bool is_within(std::string_view name, std::string_view domain) {
  return name == domain || (name.size() > domain.size() && name.ends_with(domain) &&
                            name[name.size() - domain.size() - 1] == '.');
}

void check_suffix(const Place& place, const std::string& domain, std::map<std::string_view, int>& seen,
                  Findings& findings) {
  const std::string_view suffix = place.text();
  if (is_within(suffix, domain) || is_within(domain, suffix)) {
    const char* relation = suffix == domain ? " is" : is_within(suffix, domain) ? " is inside" : " contains";
    findings.error(place, in_quotes(suffix) + relation + " the cluster's own domain " + domain,
                   "its names are answered by the cluster; choose another suffix, or change dns.domain");
  }
  if (const auto [first, is_new] = seen.emplace(suffix, place.mark.line); !is_new) {
    findings.error(place, "a second entry for " + in_quotes(suffix),
                   "the first is on line " + std::to_string(first->second) + "; merge them");
  }
}

// A server that a pod can ask: no address that means the pod itself, or many.
void check_server(const Place& place, const IpAddress& address, const Cluster& cluster, Findings& findings) {
  static const std::array kNoServer{*Prefix::parse("0.0.0.0/8"), *Prefix::parse("127.0.0.0/8"),
                                    *Prefix::parse("224.0.0.0/3"), *Prefix::parse("::/127"),
                                    *Prefix::parse("ff00::/8")};
  if (std::any_of(kNoServer.begin(), kNoServer.end(), [&](const Prefix& p) { return p.contains(address); })) {
    findings.error(place, to_string(address) + " is no address that a DNS server of the lab can ask",
                   "unspecified, loopback and multicast addresses are not servers");
  } else if (!cluster.has_family(address.family())) {
    const std::string family(to_string(address.family()));
    findings.warning(place, "no node speaks " + family + ", so the cluster cannot reach this address",
                     "add " + family + " to spec.ipFamilies");
  }
}

void read_stub_domains(const Place& list, Cluster& cluster, Findings& findings) {
  std::map<std::string_view, int> seen;
  for (size_t i = 0; i < list.size(); ++i) {
    const Place place = list.item(i);
    check_suffix(place.field("suffix"), cluster.dns.domain, seen, findings);
    model::StubDomain stub{std::string(place.field("suffix").text()), {}};
    const Place servers = place.field("servers");
    std::set<IpAddress> listed;
    for (size_t j = 0; j < servers.size(); ++j) {
      const Place server = servers.item(j);
      const IpAddress address = *IpAddress::parse(server.text());
      check_server(server, address, cluster, findings);
      if (!listed.insert(address).second) {
        findings.error(server, to_string(address) + " is listed twice", "list each once");
        continue;
      }
      stub.servers.push_back(address);
    }
    cluster.dns.stub_domains.push_back(std::move(stub));
  }
}

void read_host_overrides(const Place& list, Cluster& cluster) {
  for (size_t i = 0; i < list.size(); ++i) {
    const Place place = list.item(i);
    const Place address = place.field("address");
    const Place names = place.field("names");
    cluster.dns.hosts.push_back({*IpAddress::parse(address.text()), texts_at(names)});
  }
}

// A name with a CNAME has nothing else (RFC 1034 §3.6.2): a server would refuse the whole zone.
void check_alone(const Place& place, const DnsRecord& record,
                 std::map<std::string, std::pair<bool, int>>& owners, Findings& findings) {
  const bool is_alias = record.type == "CNAME";
  const auto [first, is_new] = owners.emplace(record.owner, std::pair(is_alias, place.mark.line));
  if (!is_new && (is_alias || first->second.first)) {
    findings.error(place, record.owner + " has another record, and a CNAME record stands alone",
                   "the other is on line " + std::to_string(first->second.second) + "; remove one of them");
  }
}

void read_records(const Place& list, Cluster& cluster, Findings& findings) {
  std::map<std::string, std::pair<bool, int>> owners;
  for (size_t i = 0; i < list.size(); ++i) {
    const Place place = list.item(i);
    DnsRecord record = read_dns_record(place.text());
    check_alone(place, record, owners, findings);
    cluster.outside.dns_records.push_back(std::move(record.text));
  }
  if (list.size() > 0 && !cluster.dns.enabled) {
    findings.warning(list, "no server has these records: spec.dns.enabled is false", {});
  }
}

}  // namespace

void read_dns(const Place& dns, const Place& outside, Cluster& cluster, Findings& findings) {
  model::Dns& read = cluster.dns;
  read.enabled = truth_at(dns.field("enabled"), read.enabled);
  if (const Place domain = dns.field("domain")) {
    read.domain = domain.text();
  }
  if (const Place replicas = dns.field("replicas")) {
    read.replicas = static_cast<int>(replicas.node->integer);
  }
  read.logs_queries = truth_at(dns.field("logQueries"), read.logs_queries);
  const Place stub_domains = dns.field("stubDomains");
  read_stub_domains(stub_domains, cluster, findings);
  const Place hosts = dns.field("hosts");
  read_host_overrides(hosts, cluster);
  const Place outside_dns = outside.field("dns");
  const Place records = outside_dns.field("records");
  read_records(records, cluster, findings);
}

}  // namespace labctl::manifest
