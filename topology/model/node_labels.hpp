#pragma once

// The labels that a node has beside those it was given: what its kubelet and the node life cycle controller set
// (https://kubernetes.io/docs/reference/labels-annotations-taints/).

#include "topology/model/cluster.hpp"

#include <string_view>

namespace labctl::model {

inline constexpr const char* kOsLabel = "kubernetes.io/os";
inline constexpr const char* kArchLabel = "kubernetes.io/arch";
inline constexpr const char* kInstanceTypeLabel = "node.kubernetes.io/instance-type";

// What programs that this one was built for run on, as Go names it (GOARCH): "amd64", "arm64".
std::string_view architecture();

// All labels of the node: its own, and those of every node where its own do not say otherwise. The beta labels
// follow the ones that came after them.
Labels node_labels(const Node& node);

}  // namespace labctl::model
