#pragma once

// The layout `kube-proxy-nftables`: chains and maps as kube-proxy's nftables mode has them (KEP-3866), for
// comparison and for people who know it. A chain for each Service port and for each endpoint; a change writes
// the chains of its Service anew. It answers as the layout `maps` does, and is slower to load and to change.
//
//   service-ips4            address . protocol . port   -> service-..., local-..., external-...
//   service-nodeports4      protocol . port             -> external-..., of addresses in nodeport-ips4
//   no-endpoint-services4, no-endpoint-nodeports4       what is rejected or dropped, if it was not translated
//   firewall-ips4           address . protocol . port   -> firewall-...
//
// Beyond kube-proxy: both families share the one table; hostPorts are here (host-ports4), and so is what the
// nodes have whatever the layout. Checks of programs of the node itself come after the translation, not
// before, so that they reach all endpoints under externalTrafficPolicy Local (network model §8.2).

#include "topology/model/cluster.hpp"
#include "topology/ruleset/services/kube_proxy_chains.hpp"
#include "topology/ruleset/services/service_layout.hpp"

#include <map>
#include <string>
#include <vector>

namespace labctl::ruleset {

// Maps, sets and chains that stay, as nft text within a node's table.
std::string kube_proxy_declarations(const model::Cluster& cluster);
// The names of its sets and maps of one family.
std::vector<std::string> kube_proxy_sets(Family family);

class KubeProxyTable final : public ServiceLayout {
 public:
  explicit KubeProxyTable(KubeProxyNode node);

  void set(const std::string& owner, const service::NodeProgram& wanted, TableChanges& changes) override;
  // By their keys; verdicts are no data.
  std::map<std::string, std::vector<ElementChange>> expected() const override;
  bool is_text() const override { return true; }
  std::vector<std::string> renewal(const PresentKeys& present) const override;

 private:
  using Elements = std::map<KubeProxyPart::Place, KubeProxyPart::Element>;
  struct Claim {
    std::string owner;
    Elements elements;
  };

  void claim(const std::string& destination, const std::string& owner, Elements elements);
  std::string change_elements(const std::string& owner, const KubeProxyPart& before,
                              const KubeProxyPart& after);
  const Claim* active(const std::string& destination) const;
  KubeProxyPart own_addresses() const;

  KubeProxyNode node_;
  bool has_begun_ = false;
  std::map<std::string, KubeProxyPart> parts_;        // by owner
  std::map<std::string, std::vector<Claim>> claims_;  // by destination; the first one counts
};

}  // namespace labctl::ruleset
