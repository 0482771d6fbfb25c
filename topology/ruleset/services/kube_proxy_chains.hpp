#pragma once

// What one Service has in a table of the layout `kube-proxy-nftables`: its chains, its sets of remembered
// clients, and the elements that lead to them. Names and rules as kube-proxy's nftables mode writes them
// (KEP-3866). Internal to the room.
//
//   service-HASH-NAMESPACE/NAME/PROTOCOL/PORT    draws from all endpoints of the policy Cluster
//   local-...                                    from the node's own
//   external-...                                 what comes from outside: masquerade, and which of the two
//   endpoint-HASH-.../PORT__ADDRESS/PORT         translates the destination
//   firewall-...                                 loadBalancerSourceRanges
//   affinityTIMEOUT-...                          a set for each endpoint: clients that were there
//   hostport-...                                 not kube-proxy's: draws from the one pod of a hostPort

#include "topology/ruleset/services/service_layout.hpp"
#include "topology/service/node_program.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace labctl::ruleset {

// What rules need to know of a node.
struct KubeProxyNode {
  std::vector<Prefix> all_pods;      // the cluster's pod ranges, one a family
  std::vector<Prefix> own_pods;      // the node's
  std::vector<IpAddress> addresses;  // that answer on NodePorts
};

struct KubeProxyPart {
  using Place = std::pair<std::string, std::string>;  // a set or map and a key, as nft writes it
  struct Element {
    std::string verdict;  // empty in a set
    ElementBytes key;
    bool operator==(const Element&) const = default;
  };
  std::map<std::string, std::vector<std::string>> chains;  // and their rules
  std::map<std::string, std::string> sets;                 // and their declarations
  std::map<Place, Element> elements;
  bool empty() const { return chains.empty() && sets.empty() && elements.empty(); }
};

KubeProxyPart kube_proxy_part(const service::NodeProgram& program, const KubeProxyNode& node);

}  // namespace labctl::ruleset
