#include "topology/ruleset/service_shapes.hpp"

#include "topology/ruleset/node_ruleset.hpp"
#include "topology/ruleset/node_table.hpp"
#include "topology/ruleset/service_maps.hpp"

namespace labctl::ruleset {
namespace {

using service::Traffic;
using service::Verdict;

// The words of a family's rules.
struct Words {
  std::string ip;    // of addresses in the packet: ip saddr
  std::string dnat;  // dnat ip to
  std::string four;  // the end of the maps' names
  std::string vip;   // the key of a Vip
  std::string loopback;
};

Words words_of(Family family) {
  const bool is_ipv4 = family == Family::IPv4;
  const std::string ip = is_ipv4 ? "ip" : "ip6";
  return {ip, "dnat " + ip + " to ", is_ipv4 ? "4" : "6", ip + " daddr . meta l4proto . th dport",
          is_ipv4 ? "127.0.0.0/8" : "::1"};
}

std::string hex(std::uint32_t number) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) {
    text += kDigits[(number >> static_cast<unsigned>(shift)) & 0xfU];
  }
  return "0x" + text;
}

class ChainText {
 public:
  explicit ChainText(std::string chain) : chain_(std::move(chain)) {
    text_ = "add chain inet " + std::string(kTable) + " " + chain_ + "\n";
  }
  void rule(const std::string& rule, const std::string& comment) {
    text_ += "add rule inet " + std::string(kTable) + " " + chain_ + " " + rule + " comment \"" +
             nft_comment(comment) + "\"\n";
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string chain_;
  std::string text_;
};

std::string drawing_name(Family family, std::size_t count, bool is_local) {
  return std::string("draw") + (family == Family::IPv4 ? "4-" : "6-") + std::to_string(count) +
         (is_local ? "-local" : "");
}

// Sends what `match` matches to one of `count` endpoints.
void add_balance(ChainText& chain, const Words& words, const std::string& match, const Shape& shape,
                 bool is_local) {
  const std::size_t count = is_local ? shape.local : shape.backends;
  if (shape.affinity != 0) {
    chain.rule(match + "ct mark set " + hex(shape.affinity | (is_local ? kLocalAffinity : 0)),
               "sessionAffinity");
    chain.rule(match + "meta l4proto { tcp, udp, sctp } " + words.dnat + words.ip + " saddr map @" +
                   affinity_map(shape.affinity, is_local),
               "a client that was here before");
  }
  chain.rule(match + "goto " + drawing_name(shape.family, count, is_local),
             "one of " + std::to_string(count) + (is_local ? " on this node" : ""));
}

void add_rules(ChainText& chain, const Words& words, const Shape& shape, const std::optional<Prefix>& pods) {
  const std::string masquerade = "meta mark set " + hex(kMasqueradeMark);
  const std::string from_pods = pods ? words.ip + " saddr " + to_string(*pods) + " " : "";
  switch (shape.traffic) {
    case Traffic::Internal:
      chain.rule("meta mark set 0x0", "from a pod: source kept");
      if (pods) {
        chain.rule(words.ip + " saddr != " + to_string(*pods) + " " + masquerade,
                   "from elsewhere: masquerade");
      }
      add_balance(chain, words, "", shape, false);
      return;
    case Traffic::ExternalCluster:
      chain.rule(masquerade, "externalTrafficPolicy Cluster: masquerade");
      add_balance(chain, words, "", shape, false);
      return;
    case Traffic::ExternalLocal:
      chain.rule("meta mark set 0x0", "externalTrafficPolicy Local: source kept");
      if (pods) {
        add_balance(chain, words, from_pods, shape, false);
      }
      chain.rule("fib saddr type local " + masquerade, "from this host: masquerade");
      add_balance(chain, words, "meta mark " + hex(kMasqueradeMark) + " ", shape, false);
      if (shape.local > 0) {
        add_balance(chain, words, "", shape, true);
      } else {
        chain.rule("drop", "externalTrafficPolicy Local, and no endpoint on this node");
      }
      return;
    case Traffic::HostPort:
      chain.rule("meta mark set 0x0", "hostPort: source kept");
      chain.rule(words.ip + " saddr " + words.loopback + " " + masquerade,
                 "from a loopback address: masquerade");
      add_balance(chain, words, "", shape, false);
      return;
  }
}

std::string traffic_name(Traffic traffic) {
  switch (traffic) {
    case Traffic::Internal:
      return "cluster";
    case Traffic::ExternalCluster:
      return "external";
    case Traffic::ExternalLocal:
      return "external-local";
    case Traffic::HostPort:
      return "hostport";
  }
  return {};
}

}  // namespace

Shape shape_of(const service::Entry& entry, std::uint32_t affinity) {
  Shape shape;
  shape.family = entry.vip.address.family();
  shape.verdict = entry.verdict;
  shape.has_source_ranges = !entry.source_ranges.empty();
  if (entry.verdict == Verdict::Balance) {
    shape.traffic = entry.traffic;
    shape.backends = entry.backends.size();
    shape.local = entry.local.size();
    shape.affinity = affinity;
  }
  return shape;
}

std::string chain_name(const Shape& shape) {
  std::string name = shape.verdict == Verdict::Reject ? "reject"
                     : shape.verdict == Verdict::Drop ? "drop"
                                                      : traffic_name(shape.traffic);
  name += shape.family == Family::IPv4 ? "4" : "6";
  if (shape.verdict == Verdict::Balance) {
    name += "-" + std::to_string(shape.backends);
    name += shape.traffic == Traffic::ExternalLocal ? "-" + std::to_string(shape.local) : "";
    name += shape.affinity != 0 ? "-affinity" + std::to_string(shape.affinity) : "";
  }
  return name + (shape.has_source_ranges ? "-ranges" : "");
}

std::string add_shape(const Shape& shape, std::uint32_t number, const std::optional<Prefix>& pods) {
  const Words words = words_of(shape.family);
  const std::string name = chain_name(shape);
  ChainText chain(name);
  if (shape.has_source_ranges) {
    chain.rule(words.vip + " . " + words.ip + " saddr != @ranges" + words.four + " drop",
               "not from loadBalancerSourceRanges");
  }
  if (shape.verdict == Verdict::Reject) {
    chain.rule("reject with icmpx port-unreachable", "no endpoint");
  } else if (shape.verdict == Verdict::Drop) {
    chain.rule("drop", "none of the endpoints may be used from this node");
  } else {
    add_rules(chain, words, shape, pods);
  }
  return std::move(chain).text() + "add element inet " + kTable + " shapes { " + hex(number) + " : goto " +
         name + " }\n";
}

std::string delete_shape(const Shape& shape, std::uint32_t number) {
  const std::string chain = chain_name(shape);
  return "delete element inet " + std::string(kTable) + " shapes { " + hex(number) + " }\nflush chain inet " +
         kTable + " " + chain + "\ndelete chain inet " + kTable + " " + chain + "\n";
}

std::vector<DrawingChain> drawing_chains(const Shape& shape) {
  std::vector<DrawingChain> chains;
  const std::string map = "endpoints" + words_of(shape.family).four;
  for (const bool is_local : {false, true}) {
    const std::size_t count = is_local ? shape.local : shape.backends;
    if (count > 0) {
      chains.push_back({drawing_name(shape.family, count, is_local), shape.family, map,
                        static_cast<std::uint32_t>(count), is_local ? kFirstLocalIndex : 0});
    }
  }
  return chains;
}

std::string affinity_map(std::uint32_t number, bool is_local) {
  return "affinity" + std::to_string(number) + (is_local ? "-local" : "");
}

std::string add_affinity(std::uint32_t number, Family family, std::chrono::seconds timeout,
                         const std::string& name) {
  const std::string address = family == Family::IPv4 ? "ipv4_addr" : "ipv6_addr";
  const std::string ip = family == Family::IPv4 ? "ip" : "ip6";
  std::string text;
  for (const bool is_local : {false, true}) {
    const std::string map = affinity_map(number, is_local);
    text += "add map inet " + std::string(kTable) + " " + map + " { type " + address + " : " + address +
            " . inet_service; size 65535; flags dynamic,timeout; timeout " + std::to_string(timeout.count()) +
            "s; }\n";
    ChainText chain("learn-" + map);
    chain.rule("update @" + map + " { " + ip + " saddr : " + ip + " daddr . th dport }", name);
    text += std::move(chain).text() + "add element inet " + kTable + " learn { " +
            hex(number | (is_local ? kLocalAffinity : 0)) + " : jump learn-" + map + " }\n";
  }
  return text;
}

std::string delete_affinity(std::uint32_t number) {
  std::string text;
  for (const bool is_local : {false, true}) {
    const std::string map = affinity_map(number, is_local);
    const std::string table = "inet " + std::string(kTable) + " ";
    text += "delete element " + table + "learn { " + hex(number | (is_local ? kLocalAffinity : 0)) + " }\n";
    text += "flush chain " + table + "learn-" + map + "\ndelete chain " + table + "learn-" + map + "\n";
    text += "delete map " + table + map + "\n";
  }
  return text;
}

}  // namespace labctl::ruleset
