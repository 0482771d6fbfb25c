#include "topology/plan/address_plan.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace labctl::plan {
namespace {

// Addresses below are left to routers and people.
constexpr std::uint64_t kFirstNodeOffset = 11;

template <typename Value>
bool has(const std::vector<Value>& values, Family family) {
  return std::any_of(values.begin(), values.end(), [&](const Value& v) { return v.family() == family; });
}

Error too_small(const char* what, const Prefix& range, size_t nodes) {
  return Error(
      ErrorKind::InvalidInput,
      std::string(what) + " " + to_string(range) + ": too small for " + std::to_string(nodes) + " nodes",
      "give a larger range, or fewer nodes");
}

void give_node_addresses(model::Cluster& cluster, const Prefix& range) {
  std::set<IpAddress> taken{model::router_node_address(range)};
  for (const model::Node& node : cluster.nodes) {
    taken.insert(node.addresses.begin(), node.addresses.end());
  }
  std::uint64_t offset = std::min(kFirstNodeOffset, range.size() > 32 ? kFirstNodeOffset : 1);
  for (model::Node& node : cluster.nodes) {
    if (has(node.addresses, range.family())) {
      continue;
    }
    while (taken.contains(range.address().plus(offset))) {
      ++offset;
    }
    if (offset >= range.size() - 1) {
      throw too_small("nodeCIDRs", range, cluster.nodes.size());
    }
    node.addresses.push_back(range.address().plus(offset++));
  }
}

void give_pod_cidrs(model::Cluster& cluster, const Prefix& range) {
  std::vector<Prefix> taken;
  for (const model::Node& node : cluster.nodes) {
    taken.insert(taken.end(), node.pod_cidrs.begin(), node.pod_cidrs.end());
  }
  const int length = std::max(model::default_ranges(range.family()).node_pod_prefix_length, range.length());
  // The first prefix is left out where there is room, so that node-1 has 10.244.1.0/24.
  std::uint64_t index = length - range.length() >= 1 ? 1 : 0;
  if (length - range.length() < 63 &&
      cluster.nodes.size() >= (std::uint64_t{1} << (length - range.length()))) {
    index = 0;
  }
  for (model::Node& node : cluster.nodes) {
    if (has(node.pod_cidrs, range.family())) {
      continue;
    }
    std::optional<Prefix> free;
    for (;; ++index) {
      free = range.subnet(length, index);
      if (!free) {
        throw too_small("podCIDRs", range, cluster.nodes.size());
      }
      if (std::none_of(taken.begin(), taken.end(), [&](const Prefix& t) { return t.overlaps(*free); })) {
        break;
      }
    }
    node.pod_cidrs.push_back(*free);
    ++index;
  }
}

template <typename Value>
void order_by_family(std::vector<Value>& values, const std::vector<Family>& families) {
  std::stable_sort(values.begin(), values.end(), [&](const Value& a, const Value& b) {
    const auto rank = [&](const Value& v) {
      return std::find(families.begin(), families.end(), v.family()) - families.begin();
    };
    return rank(a) < rank(b);
  });
}

}  // namespace

model::Cluster give_out_addresses(model::Cluster cluster) {
  for (size_t i = 0; i < cluster.families.size(); ++i) {
    give_node_addresses(cluster, cluster.network.node_cidrs.at(i));
    give_pod_cidrs(cluster, cluster.network.pod_cidrs.at(i));
  }
  for (model::Node& node : cluster.nodes) {
    order_by_family(node.addresses, cluster.families);
    order_by_family(node.pod_cidrs, cluster.families);
  }
  return cluster;
}

IpAddress gateway_of(const Prefix& pod_cidr) { return pod_cidr.address().plus(1); }

}  // namespace labctl::plan
