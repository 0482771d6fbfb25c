#pragma once

// The nodes of one pass of the scheduler, and the domains that their labels put them in.

#include "topology/model/cluster.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace labctl::controllers {

struct NodeFacts {
  std::string name;
  model::Labels labels;
  std::vector<model::Taint> taints;  // effective ones
};

using CountByNode = std::unordered_map<std::string, std::int64_t>;
using CountByDomain = std::unordered_map<std::string, std::int64_t>;

class Topology {
 public:
  void add(NodeFacts node) {
    index_.emplace(node.name, nodes_.size());
    nodes_.push_back(std::move(node));
  }
  const std::vector<NodeFacts>& nodes() const { return nodes_; }
  // The value of the label `key` of a node; null: it has none, or there is no such node.
  const std::string* domain(const std::string& node, const std::string& key) const {
    const auto found = index_.find(node);
    return found == index_.end() ? nullptr : domain(nodes_[found->second], key);
  }
  static const std::string* domain(const NodeFacts& node, const std::string& key) {
    const auto label = node.labels.find(key);
    return label == node.labels.end() ? nullptr : &label->second;
  }
  // Sums over the nodes of each domain; nodes in none are left out.
  CountByDomain by_domain(const CountByNode& counts, const std::string& key) const {
    CountByDomain sums;
    for (const auto& [node, count] : counts) {
      if (const std::string* value = domain(node, key)) {
        sums[*value] += count;
      }
    }
    return sums;
  }

 private:
  std::vector<NodeFacts> nodes_;  // in the Cluster's order
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace labctl::controllers
