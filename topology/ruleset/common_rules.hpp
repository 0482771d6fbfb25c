#pragma once

// Words and rules that both layouts write. Internal to the room.

#include "topology/model/cluster.hpp"

#include <string>

namespace labctl::ruleset {

// How nft's language and our names of sets tell the families apart.
struct FamilyWords {
  std::string ip;    // "ip", "ip6"
  std::string end;   // of the names of sets and chains: "4", "6"
  std::string type;  // "ipv4_addr", "ipv6_addr"
};
const FamilyWords& words_of(Family family);

// nft rules that refuse what `match` matches. TCP gets a reset: an ICMP error that comes while connect(2)
// still holds the socket, as it does between namespaces of one host, is forgotten until the SYN is sent
// again, a second later.
std::string refuse(const std::string& match, const std::string& comment);

// For packets that no Service knows although they are for an address that only Services have.
std::string unknown_cluster_ports(const model::Cluster& cluster);
// And for those to an address of a balancer that came from the router, or go to it: it would be sent on and
// on. `match` is empty, or more that must hold, with a blank behind it.
std::string unknown_balancer_ports(const model::Cluster& cluster, const std::string& match);

}  // namespace labctl::ruleset
