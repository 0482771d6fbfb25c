#pragma once

// The layout `maps`: two lookups for each new connection, whatever the number of Services.
//
//   services4    address . protocol . port          -> mark: a shape
//   shapes       mark                               -> the chain of the shape
//   endpoints4   address . protocol . port . index  -> endpoint address . port
//
// A shape is all that decides which rules a packet needs: how many endpoints there are to draw from, whether
// it is masqueraded, and so on; Services of one shape share its chain. Endpoints are data, so a change of
// theirs touches elements only, and the kernel need not check the table again. Index 32768 and up are the
// endpoints of the node itself, for externalTrafficPolicy Local. The same again with 6 for IPv6. See
// README.md of this room.

#include "topology/model/cluster.hpp"
#include "topology/ruleset/services/service_layout.hpp"
#include "topology/ruleset/services/service_shapes.hpp"

#include <optional>
#include <set>
#include <unordered_map>

namespace labctl::ruleset {

// Marks packets to be masqueraded after routing; kube-proxy's bit.
inline constexpr std::uint32_t kMasqueradeMark = 0x4000;

struct VipHash {
  std::size_t operator()(const service::Vip& vip) const noexcept;
};

class ServiceMaps final : public ServiceLayout {
 public:
  // `own_pods`: the node's pod CIDRs; `all_pods`: the cluster's, one a family.
  ServiceMaps(std::vector<Prefix> own_pods, std::vector<Prefix> all_pods);

  void set(const std::string& owner, const service::NodeProgram& wanted, TableChanges& changes) override;
  std::map<std::string, std::vector<ElementChange>> expected() const override;
  Structure structure() const override;

 private:
  struct Claim {                         // on a Vip
    const std::string* owner = nullptr;  // these point into programs_
    const service::PortProgram* port = nullptr;
    const service::Entry* entry = nullptr;
    std::uint32_t affinity = 0;  // its number; 0: none
    bool is_new = false;         // while set() is at work
  };
  // What the kernel holds for a Vip. Endpoints stay at their index while others come and go.
  struct Installed {
    std::uint32_t shape = 0;
    std::vector<service::Backend> backends;
    std::vector<service::Backend> local;
    std::vector<Prefix> source_ranges;
    std::string name;
  };
  struct Slot {
    std::vector<Claim> claims;  // the first one counts
    std::optional<Installed> installed;
  };
  using Slots = std::unordered_map<service::Vip, Slot, VipHash>;
  struct Affinity {
    std::uint32_t number = 0;
    std::chrono::seconds timeout{0};
    Family family = Family::IPv4;
  };
  using AffinityKey = std::pair<std::string, std::string>;  // owner, port program's name and family

  void claim(const std::string& owner, const service::NodeProgram& wanted, TableChanges& changes);
  static void put_claim(std::vector<Claim>& claims, const Claim& claim);
  void withdraw(const std::string& owner, const service::NodeProgram& before);
  void install(Slots::iterator slot, TableChanges& changes);
  static void forget_clients(const Claim& claim, const Installed& before, const Installed& after,
                             TableChanges& changes);
  std::uint32_t shape_number(const Claim& claim, TableChanges& changes);
  Structure shape_structure(const Shape& shape, std::uint32_t number) const;
  std::uint32_t affinity_number(const std::string& owner, const service::PortProgram& port,
                                TableChanges& changes);
  void forget_affinity(const AffinityKey& key, TableChanges& changes);
  void set_cluster_ips(const std::string& owner, const std::vector<IpAddress>& before,
                       const std::vector<IpAddress>& after, TableChanges& changes);
  void allow_hairpin(const std::vector<service::Backend>& backends, TableChanges& changes);

  std::vector<Prefix> own_pods_;
  std::vector<Prefix> all_pods_;
  std::unordered_map<std::string, service::NodeProgram> programs_;
  Slots slots_;
  std::map<Shape, std::uint32_t> shapes_;  // and their marks
  std::uint32_t next_shape_ = 1;
  std::map<AffinityKey, Affinity> affinities_;
  std::uint32_t next_affinity_ = 1;
  std::map<IpAddress, std::vector<std::string>> cluster_ips_;  // and their owners
  std::set<IpAddress> hairpin_;                                // endpoints of this node that there have been
};

}  // namespace labctl::ruleset
