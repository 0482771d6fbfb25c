#pragma once

// The layout `kube-proxy-nftables`: chains and maps as kube-proxy's nftables mode has them (KEP-3866), for
// comparison and for people who know it. A chain for each Service port and for each endpoint; a change writes
// the chains of its Service anew. It answers as the layout `maps` does, and is slower to load and to change.
//
//   service-ips4        address . protocol . port -> service-..., external-...   service-nodeports4 protocol
//   . port no-endpoint-...4    what is rejected or dropped                              firewall-ips4
//   loadBalancerSourceRanges service-, local-, external-, endpoint-,
//   firewall-HASH-NAMESPACE/NAME/PROTOCOL/PORT
//
// Beyond kube-proxy: both families share the one table, hostPorts are here (host-ports4), and so is what the
// nodes have whatever the layout.

#include "topology/model/cluster.hpp"
#include "topology/ruleset/node_table.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace labctl::ruleset {

// Maps, sets and chains that stay, as nft text within a node's table.
std::string kube_proxy_declarations(const model::Cluster& cluster);

class KubeProxyTable final : public NodeTable {
 public:
  // `own_pods`: the node's pod CIDRs; `all_pods`: the cluster's, one a family; `node_addresses`: those that
  // answer on NodePorts.
  KubeProxyTable(std::vector<Prefix> own_pods, std::vector<Prefix> all_pods,
                 std::vector<IpAddress> node_addresses);

  void set(const std::string& owner, const service::NodeProgram& wanted, TableChanges& changes) override;
  // Nothing: elements lead to chains, and only nft's own text knows both.
  std::map<std::string, std::vector<ElementChange>> expected() const override { return {}; }

 private:
  using Element = std::pair<std::string, std::string>;  // set, key
  // What one owner has in the table.
  struct Owned {
    std::map<std::string, std::vector<std::string>> chains;  // their rules
    std::map<std::string, std::string> sets;                 // their declarations
    std::map<Element, std::string> elements;                 // their values, "" in a set
  };

  class PortChains;

  Owned render(const service::NodeProgram& program) const;
  void add_external(PortChains& chains, const service::Entry& entry, const std::string& to) const;
  void add_internal(PortChains& chains, const service::Entry& entry, const std::string& to) const;
  static void add_firewall(PortChains& chains, const service::Entry& entry, const std::string& key,
                           Owned& owned);
  bool is_node_port(const service::Entry& entry) const;
  void add_port(const service::PortProgram& port, Owned& owned) const;
  std::string change_elements(const std::string& owner, const Owned& before, const Owned& after);
  std::string active(const Element& element) const;

  std::vector<Prefix> own_pods_;
  std::vector<Prefix> all_pods_;
  std::vector<IpAddress> node_addresses_;
  std::vector<IpAddress> addresses_to_add_;  // to nodeport-ips, with the first change
  std::map<std::string, Owned> owned_;
  std::map<Element, std::vector<std::pair<std::string, std::string>>>
      claims_;  // owner and value; the first counts
};

}  // namespace labctl::ruleset
