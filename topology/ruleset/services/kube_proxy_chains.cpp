#include "topology/ruleset/services/kube_proxy_chains.hpp"

#include "topology/base/fnv.hpp"
#include "topology/ruleset/common_rules.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <set>
#include <string_view>

namespace labctl::ruleset {
namespace {

using service::Backend;
using service::Entry;
using service::PortProgram;
using service::Traffic;
using service::Verdict;

// With the longest prefix, hash, address and port no longer than a name may be, 255.
constexpr std::size_t kBaseMax = 160;

std::string protocol_word(model::Protocol protocol) {
  std::string text(model::to_string(protocol));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Only what a name in nft's language may hold.
std::string plain_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '_' || c == '.' || c == '/';
    name += is_plain ? c : c == ':' ? '.' : '_';
  }
  return name;
}

// Eight letters, as kube-proxy puts in front: names that are cut or made plain stay apart by them.
std::string short_hash(std::string_view text) {
  std::uint64_t hash = fnv1a(text);
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
  const std::string protocol = protocol_word(vip.protocol);
  const std::string whole = colon == std::string::npos
                                ? object + "/" + protocol
                                : object.substr(0, colon) + "/" + protocol + "/" + object.substr(colon + 1);
  return short_hash(port.name + " " + protocol + words_of(vip.address.family()).end) + "-" +
         plain_name(whole).substr(0, kBaseMax);
}

std::string joined(const std::vector<Prefix>& ranges) {
  std::string text;
  for (const Prefix& range : ranges) {
    text += (text.empty() ? "" : ", ") + to_string(range);
  }
  return text;
}

// Writes the chains of one Service port of one family, or of one hostPort.
class PortWriter {
 public:
  PortWriter(const PortProgram& port, const KubeProxyNode& node, KubeProxyPart& part)
      : port_(port),
        node_(node),
        part_(part),
        family_(port.entries.front().vip.address.family()),
        ip_(words_of(family_).ip),
        protocol_(protocol_word(port.entries.front().vip.protocol)),
        base_(base_name(port, port.entries.front().vip)),
        all_pods_(prefix_of(node.all_pods, family_)),
        own_pods_(prefix_of(node.own_pods, family_)) {}

  void write() {
    std::set<service::Vip> written;
    for (const Entry& entry : port_.entries) {
      if (written.insert(entry.vip).second) {
        write_entry(entry);
      }
    }
    // Last, so that rules for some packets only come before.
    for (const auto& [chain, backends] : drawn_) {
      write_draw(chain, backends);
    }
  }

 private:
  std::string name(const char* kind) const { return kind + ("-" + base_); }
  bool has(const std::string& chain) const { return part_.chains.contains(chain); }
  void rule(const std::string& chain, const std::string& text) {
    part_.chains[chain].push_back(text + " comment \"" + nft_comment(port_.name) + "\"");
  }
  bool is_node_port(const Entry& entry) const {
    return std::find(node_.addresses.begin(), node_.addresses.end(), entry.vip.address) !=
           node_.addresses.end();
  }

  // Leads what comes for the Vip to `verdict`: by a map of addresses, or of NodePorts if it is one of those.
  void lead(const Entry& entry, const char* by_ip, const char* by_node_port, std::string verdict) {
    const bool has_node_port = by_node_port != nullptr && is_node_port(entry);
    KubeProxyPart::Element element{std::move(verdict), {}};
    std::string key = protocol_ + " . " + std::to_string(entry.vip.port);
    if (!has_node_port) {
      key = to_string(entry.vip.address) + " . " + key;
      element.key.add_address(entry.vip.address);
    }
    element.key.add_protocol(entry.vip.protocol);
    element.key.add_port(entry.vip.port);
    part_.elements[{(has_node_port ? by_node_port : by_ip) + words_of(family_).end, key}] =
        std::move(element);
  }

  void write_entry(const Entry& entry) {
    if (!entry.source_ranges.empty()) {
      write_firewall(entry);
    }
    const char* node_ports = entry.traffic == Traffic::Internal ? nullptr : "no-endpoint-nodeports";
    if (entry.verdict != Verdict::Balance) {
      lead(entry, "no-endpoint-services", node_ports,
           entry.verdict == Verdict::Drop ? "drop" : "goto reject-chain");
      return;
    }
    switch (entry.traffic) {
      case Traffic::HostPort:
        write_host_port(entry);
        return;
      case Traffic::Internal:
        write_internal(entry);
        return;
      case Traffic::ExternalLocal:
        if (entry.local.empty()) {
          lead(entry, "no-endpoint-services", node_ports, "drop");
        }
        [[fallthrough]];
      case Traffic::ExternalCluster:
        lead(entry, "service-ips", "service-nodeports", "goto " + name("external"));
        if (!has(name("external"))) {
          write_external(entry);
        }
        return;
    }
  }

  void write_firewall(const Entry& entry) {
    const std::string chain = name("firewall");
    if (!has(chain)) {
      rule(chain, ip_ + " saddr != { " + joined(without_overlaps(entry.source_ranges)) + " } drop");
    }
    lead(entry, "firewall-ips", nullptr, "goto " + chain);
  }

  void write_host_port(const Entry& entry) {
    const std::string chain = drawing("hostport", entry.backends);
    const std::string loopback = family_ == Family::IPv4 ? "127.0.0.0/8" : "::1";
    rule(chain, ip_ + " saddr " + loopback + " jump mark-for-masquerade");
    lead(entry, "host-ports", nullptr, "goto " + chain);
  }

  void write_internal(const Entry& entry) {
    const std::string chain = drawing(entry.is_own ? "local" : "service", entry.backends);
    if (all_pods_) {
      rule(chain, ip_ + " daddr " + to_string(entry.vip.address) + " " + protocol_ + " dport " +
                      std::to_string(entry.vip.port) + " " + ip_ + " saddr != " + to_string(*all_pods_) +
                      " jump mark-for-masquerade");
    }
    lead(entry, "service-ips", nullptr, "goto " + chain);
  }

  void write_external(const Entry& entry) {
    const std::string chain = name("external");
    const std::string to_all = "goto " + drawing("service", entry.backends);
    if (entry.traffic == Traffic::ExternalCluster) {
      rule(chain, "jump mark-for-masquerade");
      rule(chain, to_all);
      return;
    }
    if (own_pods_) {
      rule(chain, ip_ + " saddr " + to_string(*own_pods_) + " " + to_all);
    }
    rule(chain, "fib saddr type local jump mark-for-masquerade");
    rule(chain, "fib saddr type local " + to_all);
    if (!entry.local.empty()) {
      rule(chain, "goto " + drawing("local", entry.local));
    } else if (all_pods_) {
      // kube-proxy sends pods of other nodes there without masquerade; their answers do not come back this
      // way. Where there are endpoints, they keep to those and their source.
      rule(chain, ip_ + " saddr " + to_string(*all_pods_) + " jump mark-for-masquerade");
      rule(chain, ip_ + " saddr " + to_string(*all_pods_) + " " + to_all);
    }
  }

  // The chain that draws from `backends`; its rules come last.
  std::string drawing(const char* kind, const std::vector<Backend>& backends) {
    std::string chain = name(kind);
    if (part_.chains.try_emplace(chain).second) {
      drawn_.emplace_back(chain, backends);
    }
    return chain;
  }

  void write_draw(const std::string& chain, const std::vector<Backend>& backends) {
    std::string ways;
    for (std::size_t i = 0; i < backends.size(); ++i) {
      const std::string to = endpoint(backends[i]);
      if (has_affinity()) {
        rule(chain, ip_ + " saddr @" + affinity_set(to) + " goto " + to);
      }
      ways += (i == 0 ? "" : ", ") + std::to_string(i) + " : goto " + to;
    }
    rule(chain, "numgen random mod " + std::to_string(backends.size()) + " vmap { " + ways + " }");
    // Not kube-proxy's: while the rule above is replaced, a packet that is still in the old one finds the old
    // map empty, and would be let through untranslated.
    rule(chain, "goto " + endpoint(backends.front()));
  }

  bool has_affinity() const { return port_.affinity_timeout.count() > 0; }
  // Another time is another set: that of one that is there cannot be changed.
  std::string affinity_set(const std::string& endpoint_chain) const {
    return "affinity" + std::to_string(port_.affinity_timeout.count()) + "-" +
           endpoint_chain.substr(endpoint_chain.find('-') + 1);
  }

  std::string endpoint(const Backend& backend) {
    const std::string address = to_string(backend.address, backend.port);
    std::string chain = "endpoint-" + short_hash(base_ + address) + base_.substr(base_.find('-')) + "__" +
                        plain_name(to_string(backend.address)) + "/" + std::to_string(backend.port);
    if (has(chain)) {
      return chain;
    }
    rule(chain, ip_ + " saddr " + to_string(backend.address) + " jump mark-for-masquerade");  // to itself
    if (has_affinity()) {
      const std::string set = affinity_set(chain);
      part_.sets[set] = "{ type " + std::string(family_ == Family::IPv4 ? "ipv4_addr" : "ipv6_addr") +
                        "; flags dynamic,timeout; timeout " + std::to_string(port_.affinity_timeout.count()) +
                        "s; }";
      rule(chain, "update @" + set + " { " + ip_ + " saddr }");
    }
    rule(chain, "meta l4proto " + protocol_ + " dnat " + ip_ + " to " + address);
    return chain;
  }

  const PortProgram& port_;
  const KubeProxyNode& node_;
  KubeProxyPart& part_;
  Family family_;
  std::string ip_;
  std::string protocol_;
  std::string base_;
  const Prefix* all_pods_;  // null: there is none
  const Prefix* own_pods_;
  std::vector<std::pair<std::string, std::vector<Backend>>> drawn_;
};

}  // namespace

KubeProxyPart kube_proxy_part(const service::NodeProgram& program, const KubeProxyNode& node) {
  KubeProxyPart part;
  for (const PortProgram& port : program.ports) {
    if (port.entries.empty()) {
      continue;
    }
    if (port.entries.front().traffic != Traffic::HostPort) {
      PortWriter(port, node, part).write();
      continue;
    }
    // Each of its addresses and ports goes to its own place.
    for (const Entry& entry : port.entries) {
      const PortProgram one{port.name + ":" + to_string(entry.vip), std::chrono::seconds(0), {entry}};
      PortWriter(one, node, part).write();
    }
  }
  for (const IpAddress& address : program.cluster_ips) {
    KubeProxyPart::Element element;
    element.key.add_address(address);
    part.elements[{"cluster-ips" + words_of(address.family()).end, to_string(address)}] = element;
  }
  return part;
}

}  // namespace labctl::ruleset
