#pragma once

// Which nodes a pod asks for by their labels and names: spec.nodeSelector and spec.affinity.nodeAffinity
// (core/v1 NodeAffinity; concepts, "Assigning Pods to Nodes").

#include "topology/model/label_selector.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::model {

inline constexpr const char* kNodeNameField = "metadata.name";

struct NodeRequirement {
  std::string key;
  std::string op;  // In, NotIn, Exists, DoesNotExist, Gt, Lt
  std::vector<std::string> values;
};

// All of them must hold.
struct NodeTerm {
  std::vector<NodeRequirement> labels;
  std::vector<NodeRequirement> fields;  // of metadata.name
  bool is_empty() const { return labels.empty() && fields.empty(); }
};

struct NodeAffinity {
  model::Labels selector;
  std::optional<std::vector<NodeTerm>> required;  // one of them
  std::vector<std::pair<std::int64_t, NodeTerm>> preferred;

  // An empty required term takes no node, an empty preferred one counts for none.
  bool fits(const std::string& node, const model::Labels& labels) const;
  // The weights of the preferred terms that fit.
  std::int64_t score(const std::string& node, const model::Labels& labels) const;
  // The only nodes that every required term allows by metadata.name; nothing when one allows any name.
  std::optional<std::set<std::string>> names() const;
};

}  // namespace labctl::model
