#include "topology/ruleset/kube_proxy.hpp"

#include "topology/ruleset/node_ruleset.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace labctl::ruleset {
namespace {

using service::Backend;
using service::Entry;
using service::PortProgram;
using service::Traffic;
using service::Verdict;

const std::string kInTable = "inet " + std::string(kTable) + " ";

std::string family_ip(Family family) { return family == Family::IPv4 ? "ip" : "ip6"; }
std::string family_end(Family family) { return family == Family::IPv4 ? "4" : "6"; }

std::string lower_protocol(model::Protocol protocol) {
  std::string text(model::to_string(protocol));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Only what a name in nft's language may hold.
std::string plain_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool is_plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
    name += is_plain ? c : (c == ':' ? '.' : '_');
  }
  return name;
}

// Eight letters, as kube-proxy puts in front: names that are cut or made plain stay apart by them.
std::string short_hash(const std::string& text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  constexpr const char* kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  for (int i = 0; i < 8; ++i) {
    out += kLetters[hash & 31U];
    hash >>= 5U;
  }
  return out;
}

// "ULMVA6XW-default/web/tcp/http" of "svc default/web:http".
std::string base_name(const PortProgram& port, const service::Vip& vip) {
  const std::string object = port.name.substr(port.name.find(' ') + 1);
  const std::size_t colon = object.rfind(':');
  const std::string protocol = lower_protocol(vip.protocol);
  const std::string whole = colon == std::string::npos
                                ? object + "/" + protocol
                                : object.substr(0, colon) + "/" + protocol + "/" + object.substr(colon + 1);
  return short_hash(port.name + " " + protocol + family_end(vip.address.family())) + "-" +
         plain_name(whole).substr(0, 160);
}

std::string vip_key_text(const service::Vip& vip) {
  return to_string(vip.address) + " . " + lower_protocol(vip.protocol) + " . " + std::to_string(vip.port);
}

std::string joined_ranges(const std::vector<Prefix>& ranges) {
  std::string text;
  for (const Prefix& range : ranges) {
    text += (text.empty() ? "" : ", ") + to_string(range);
  }
  return text;
}

// The endpoints of the policy Cluster, by which the chain service-... is known; others are the node's own.
const std::vector<Backend>* cluster_backends(const PortProgram& port) {
  const Entry* found = nullptr;
  for (const Entry& entry : port.entries) {
    if (entry.verdict == Verdict::Balance && (found == nullptr || found->traffic == Traffic::Internal)) {
      found = &entry;
    }
  }
  return found == nullptr ? nullptr : &found->backends;
}

std::string declarations_of(Family family) {
  const std::string end = family_end(family);
  const std::string type = family == Family::IPv4 ? "ipv4_addr" : "ipv6_addr";
  const std::string vip = " { type " + type + " . inet_proto . inet_service : verdict; }\n";
  std::string text = "  set cluster-ips" + end + " { type " + type + "; }\n";
  text += "  set nodeport-ips" + end + " { type " + type + "; }\n";
  for (const char* map : {"service-ips", "no-endpoint-services", "firewall-ips", "host-ports"}) {
    text += "  map " + (map + end) + vip;
  }
  for (const char* map : {"service-nodeports", "no-endpoint-nodeports"}) {
    text += "  map " + (map + end) + " { type inet_proto . inet_service : verdict; }\n";
  }
  return text;
}

// One rule a family.
template <typename Rule>
std::string each_family(const model::Cluster& cluster, const Rule& rule) {
  std::string text;
  for (const Family family : cluster.families) {
    text += "    " + rule(family_ip(family), family_end(family)) + "\n";
  }
  return text;
}

std::string chain_text(const std::string& name, const std::string& rules) {
  return "  chain " + name + " {\n" + rules + "  }\n";
}

std::string hooked(const std::string& name, const std::string& hook, const std::string& rules) {
  return chain_text(name, "    type " + hook + "; policy accept;\n" + rules);
}

// TCP gets a reset, for the reason that node_ruleset.cpp gives.
std::string refusal(const std::string& match, const std::string& comment) {
  return "    " + match + "meta l4proto tcp reject with tcp reset comment \"" + comment + "\"\n    " + match +
         "reject with icmpx port-unreachable comment \"" + comment + "\"\n";
}

std::string cluster_ips_check(const model::Cluster& cluster) {
  std::string rules;
  for (const Family family : cluster.families) {
    rules += refusal(family_ip(family) + " daddr @cluster-ips" + family_end(family) + " ",
                     "no such port of the Service");
  }
  for (const Prefix& range : cluster.network.service_cidrs) {
    rules += "    " + family_ip(range.family()) + " daddr " + to_string(range) +
             " drop comment \"ClusterIP of no Service\"\n";
  }
  for (const Prefix& range : cluster.network.load_balancer_cidrs) {
    rules += refusal("iifname \"eth0\" " + family_ip(range.family()) + " daddr " + to_string(range) + " ",
                     "no such port of the LoadBalancer");
  }
  return rules;
}

}  // namespace

std::string kube_proxy_declarations(const model::Cluster& cluster) {
  const auto lookup = [&](const std::string& map) {
    return each_family(cluster, [&](const std::string& ip, const std::string& end) {
      return ip + " daddr . meta l4proto . th dport vmap @" + map + end;
    });
  };
  const auto node_lookup = [&](const std::string& map) {
    return each_family(cluster, [&](const std::string& ip, const std::string& end) {
      return ip + " daddr @nodeport-ips" + end + " meta l4proto . th dport vmap @" + map + end;
    });
  };
  std::string text;
  for (const Family family : cluster.families) {
    text += declarations_of(family);
  }
  const std::string endpoints_check = "    ct state new jump service-endpoints-check\n";
  return text + chain_text("mark-for-masquerade", "    meta mark set meta mark or 0x4000\n") +
         chain_text("masquerading",
                    "    meta mark & 0x4000 == 0 return\n    meta mark set meta mark xor 0x4000\n"
                    "    masquerade fully-random comment \"to a Service, not from a pod\"\n") +
         chain_text("reject-chain", refusal("", "no endpoint")) +
         chain_text("services",
                    lookup("host-ports") + lookup("service-ips") + node_lookup("service-nodeports")) +
         chain_text("service-endpoints-check", lookup("no-endpoint-services")) +
         chain_text("nodeport-endpoints-check", node_lookup("no-endpoint-nodeports")) +
         chain_text("cluster-ips-check", cluster_ips_check(cluster)) +
         chain_text("firewall-check", lookup("firewall-ips")) +
         hooked("filter-prerouting", "filter hook prerouting priority -110",
                "    ct state new jump firewall-check\n") +
         hooked("filter-input", "filter hook input priority -110",
                "    ct state new jump nodeport-endpoints-check\n" + endpoints_check) +
         hooked("filter-forward", "filter hook forward priority -110",
                endpoints_check + "    ct state new jump cluster-ips-check\n") +
         hooked("filter-output", "filter hook output priority -110",
                "    ct state new jump nodeport-endpoints-check\n" + endpoints_check +
                    "    ct state new jump firewall-check\n") +
         hooked("filter-output-post-dnat", "filter hook output priority -90",
                "    ct state new jump cluster-ips-check\n") +
         hooked("nat-prerouting", "nat hook prerouting priority -100", "    jump services\n") +
         hooked("nat-output", "nat hook output priority -100", "    jump services\n");
}

// The chains of one Service port: rules are added, names are made once.
class KubeProxyTable::PortChains {
 public:
  using Chains = std::map<std::string, std::vector<std::string>>;
  using Sets = std::map<std::string, std::string>;

  PortChains(const PortProgram& port, Chains& chains, Sets& sets)
      : port_(port),
        family_(port.entries.front().vip.address.family()),
        protocol_(lower_protocol(port.entries.front().vip.protocol)),
        base_(base_name(port, port.entries.front().vip)),
        chains_(chains),
        sets_(sets) {}

  std::string name(const std::string& kind) const { return kind + "-" + base_; }
  void rule(const std::string& chain, const std::string& text) {
    chains_[chain].push_back(text + " comment \"" + nft_comment(port_.name) + "\"");
  }

  // The chain that draws from `backends`.
  std::string drawing(const std::string& kind, const std::vector<Backend>& backends) {
    const std::string chain = name(kind);
    if (chains_.contains(chain)) {
      return chain;
    }
    chains_[chain];
    drawn_.emplace_back(chain, backends);
    return chain;
  }
  // Last, so that rules for some packets only come before.
  void finish() {
    for (const auto& [chain, backends] : drawn_) {
      std::string ways;
      for (std::size_t i = 0; i < backends.size(); ++i) {
        const std::string to = endpoint(backends[i]);
        if (port_.affinity_timeout.count() > 0) {
          rule(chain, family_ip(family_) + " saddr @" + affinity(to) + " goto " + to);
        }
        ways += (i == 0 ? "" : ", ") + std::to_string(i) + " : goto " + to;
      }
      rule(chain, "numgen random mod " + std::to_string(backends.size()) + " vmap { " + ways + " }");
    }
  }
  void masquerade_from(const std::string& chain, const std::string& match) {
    rule(chain, match + (match.empty() ? "" : " ") + "jump mark-for-masquerade");
  }

 private:
  std::string affinity(const std::string& to) const {
    return "affinity" + std::to_string(port_.affinity_timeout.count()) + "-" + to.substr(to.find('-') + 1);
  }

  std::string endpoint(const Backend& backend) {
    const std::string ip = family_ip(family_);
    const std::string address = to_string(backend.address, backend.port);
    const std::string chain = "endpoint-" + short_hash(base_ + address) + "-" +
                              base_.substr(base_.find('-') + 1) + "__" +
                              plain_name(to_string(backend.address)) + "/" + std::to_string(backend.port);
    if (chains_.contains(chain)) {
      return chain;
    }
    chains_[chain];
    masquerade_from(chain, ip + " saddr " + to_string(backend.address));  // to itself
    if (port_.affinity_timeout.count() > 0) {
      sets_[affinity(chain)] = "{ type " + std::string(family_ == Family::IPv4 ? "ipv4_addr" : "ipv6_addr") +
                               "; flags dynamic,timeout; timeout " +
                               std::to_string(port_.affinity_timeout.count()) + "s; }";
      rule(chain, "update @" + affinity(chain) + " { " + ip + " saddr }");
    }
    rule(chain, "meta l4proto " + protocol_ + " dnat " + ip + " to " + address);
    return chain;
  }

  const PortProgram& port_;
  Family family_;
  std::string protocol_;
  std::string base_;
  Chains& chains_;
  Sets& sets_;
  std::vector<std::pair<std::string, std::vector<Backend>>> drawn_;
};

KubeProxyTable::KubeProxyTable(std::vector<Prefix> own_pods, std::vector<Prefix> all_pods,
                               std::vector<IpAddress> node_addresses)
    : own_pods_(std::move(own_pods)),
      all_pods_(std::move(all_pods)),
      node_addresses_(std::move(node_addresses)),
      addresses_to_add_(node_addresses_) {}

// What comes to NodePorts, balancers' addresses and externalIPs: `to` draws from all endpoints.
void KubeProxyTable::add_external(PortChains& chains, const Entry& entry, const std::string& to) const {
  const Family family = entry.vip.address.family();
  const std::string ip = family_ip(family), external = chains.name("external");
  if (entry.traffic != Traffic::ExternalLocal) {
    chains.masquerade_from(external, "");
    chains.rule(external, "goto " + to);
    return;
  }
  for (const Prefix& own : own_pods_) {
    if (own.family() == family) {
      chains.rule(external, ip + " saddr " + to_string(own) + " goto " + to);
    }
  }
  chains.masquerade_from(external, "fib saddr type local");
  chains.rule(external, "fib saddr type local goto " + to);
  if (!entry.local.empty()) {
    chains.rule(external,
                "goto " + (entry.local == entry.backends ? to : chains.drawing("local", entry.local)));
    return;
  }
  for (const Prefix& pods : all_pods_) {
    if (pods.family() == family) {  // of other nodes: the answer must come back by this one
      chains.masquerade_from(external, ip + " saddr " + to_string(pods));
      chains.rule(external, ip + " saddr " + to_string(pods) + " goto " + to);
    }
  }
  chains.rule(external, "drop");
}

void KubeProxyTable::add_internal(PortChains& chains, const Entry& entry, const std::string& to) const {
  const std::string ip = family_ip(entry.vip.address.family());
  for (const Prefix& pods : all_pods_) {
    if (pods.family() == entry.vip.address.family()) {
      chains.masquerade_from(
          to, ip + " daddr " + to_string(entry.vip.address) + " " + ip + " saddr != " + to_string(pods));
    }
  }
}

void KubeProxyTable::add_firewall(PortChains& chains, const Entry& entry, const std::string& key,
                                  Owned& owned) {
  if (entry.source_ranges.empty()) {
    return;
  }
  const Family family = entry.vip.address.family();
  const std::string firewall = chains.name("firewall");
  if (!owned.chains.contains(firewall)) {
    chains.rule(firewall,
                family_ip(family) + " saddr != { " + joined_ranges(entry.source_ranges) + " } drop");
  }
  owned.elements[{"firewall-ips" + family_end(family), key}] = "goto " + firewall;
}

bool KubeProxyTable::is_node_port(const Entry& entry) const {
  return entry.traffic != Traffic::Internal && entry.traffic != Traffic::HostPort &&
         std::find(node_addresses_.begin(), node_addresses_.end(), entry.vip.address) !=
             node_addresses_.end();
}

void KubeProxyTable::add_port(const PortProgram& port, Owned& owned) const {
  const std::string end = family_end(port.entries.front().vip.address.family());
  const std::vector<Backend>* cluster = cluster_backends(port);
  PortChains chains(port, owned.chains, owned.sets);
  bool has_external = false;
  for (const Entry& entry : port.entries) {
    const bool of_node = is_node_port(entry);
    const std::string key = of_node
                                ? lower_protocol(entry.vip.protocol) + " . " + std::to_string(entry.vip.port)
                                : vip_key_text(entry.vip);
    add_firewall(chains, entry, key, owned);
    if (entry.verdict != Verdict::Balance) {
      owned.elements[{(of_node ? "no-endpoint-nodeports" : "no-endpoint-services") + end, key}] =
          entry.verdict == Verdict::Drop ? "drop" : "goto reject-chain";
      continue;
    }
    const std::string to = chains.drawing(entry.backends == *cluster ? "service" : "local", entry.backends);
    if (entry.traffic == Traffic::HostPort) {
      chains.masquerade_from(to, end == "4" ? "ip saddr 127.0.0.0/8" : "ip6 saddr ::1");
      owned.elements[{"host-ports" + end, key}] = "goto " + to;
    } else if (entry.traffic == Traffic::Internal) {
      add_internal(chains, entry, to);
      owned.elements[{"service-ips" + end, key}] = "goto " + to;
    } else {
      owned.elements[{(of_node ? "service-nodeports" : "service-ips") + end, key}] =
          "goto " + chains.name("external");
      if (!std::exchange(has_external, true)) {
        add_external(chains, entry, to);
      }
    }
  }
  chains.finish();
}

KubeProxyTable::Owned KubeProxyTable::render(const service::NodeProgram& program) const {
  Owned owned;
  for (const PortProgram& port : program.ports) {
    if (port.entries.empty()) {
      continue;
    }
    if (port.entries.front().traffic != Traffic::HostPort) {
      add_port(port, owned);
      continue;
    }
    // Each of its ports and addresses goes to its own place.
    for (const Entry& entry : port.entries) {
      add_port(
          {port.name + ":" + to_string(entry.vip.address, entry.vip.port), std::chrono::seconds(0), {entry}},
          owned);
    }
  }
  for (const IpAddress& address : program.cluster_ips) {
    owned.elements[{"cluster-ips" + family_end(address.family()), to_string(address)}] = "";
  }
  return owned;
}

std::string KubeProxyTable::active(const Element& element) const {
  const auto claims = claims_.find(element);
  return claims == claims_.end() ? std::string("none") : "=" + claims->second.front().second;
}

std::string KubeProxyTable::change_elements(const std::string& owner, const Owned& before,
                                            const Owned& after) {
  std::set<Element> concerned;
  std::map<Element, std::string> was;
  for (const Owned* owned : {&before, &after}) {
    for (const auto& [element, value] : owned->elements) {
      concerned.insert(element);
    }
  }
  for (const Element& element : concerned) {
    was[element] = active(element);
  }
  for (const auto& [element, value] : before.elements) {
    auto& claims = claims_[element];
    std::erase_if(claims, [&](const auto& claim) { return claim.first == owner; });
  }
  for (const auto& [element, value] : after.elements) {
    claims_[element].emplace_back(owner, value);
  }
  std::string removals, additions;
  for (const Element& element : concerned) {
    if (claims_[element].empty()) {
      claims_.erase(element);
    }
    const std::string now = active(element);
    if (now == was[element]) {
      continue;
    }
    const std::string where = kInTable + element.first + " { " + element.second;
    if (was[element] != "none") {
      removals += "delete element " + where + " }\n";
    }
    if (now != "none") {
      const std::string value = now.substr(1);
      additions += "add element " + where + " comment \"" + nft_comment(owner) + "\"" +
                   (value.empty() ? "" : " : " + value) + " }\n";
    }
  }
  return removals + additions;
}

void KubeProxyTable::set(const std::string& owner, const service::NodeProgram& wanted,
                         TableChanges& changes) {
  Owned after = render(wanted);
  const auto found = owned_.find(owner);
  const Owned before = found == owned_.end() ? Owned{} : found->second;
  std::string text, removals;
  for (const IpAddress& address : std::exchange(addresses_to_add_, {})) {
    text += "add element " + kInTable + "nodeport-ips" + family_end(address.family()) + " { " +
            to_string(address) + " }\n";
  }
  for (const auto& [set, declaration] : after.sets) {
    text += before.sets.contains(set) ? "" : "add set " + kInTable + set + " " + declaration + "\n";
  }
  for (const auto& [chain, rules] : after.chains) {
    text += before.chains.contains(chain) ? "" : "add chain " + kInTable + chain + "\n";
  }
  for (const auto& [chain, rules] : before.chains) {
    const auto same = after.chains.find(chain);
    if (same == after.chains.end() || same->second != rules) {
      text += "flush chain " + kInTable + chain + "\n";
    }
    removals += same == after.chains.end() ? "delete chain " + kInTable + chain + "\n" : "";
  }
  for (const auto& [chain, rules] : after.chains) {
    const auto same = before.chains.find(chain);
    for (const std::string& rule :
         same != before.chains.end() && same->second == rules ? std::vector<std::string>{} : rules) {
      text += "add rule " + kInTable + chain + " " + rule + "\n";
    }
  }
  text += change_elements(owner, before, after) + removals;
  for (const auto& [set, declaration] : before.sets) {
    text += after.sets.contains(set) ? "" : "delete set " + kInTable + set + "\n";
  }
  changes.text += text;
  if (after.chains.empty() && after.elements.empty()) {
    owned_.erase(owner);
  } else {
    owned_[owner] = std::move(after);
  }
}

}  // namespace labctl::ruleset
