#pragma once

// The reply of GET /lab/v1/graph as the renderers want it: texts, ready to be placed. Internal to this room.

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace labctl::graph {

struct GraphModel {
  struct Pod {
    std::string ns;
    std::string name;
    std::string label;  // without the namespace when that is "default"
    std::string ip;
    std::string link;
  };
  struct Node {
    std::string name;
    std::string addresses;
    std::string pod_cidrs;
    std::vector<Pod> pods;
  };
  struct Host {
    std::string name;
    std::string addresses;
  };
  std::string mode;      // "routed", "vxlan"
  std::string underlay;  // prefixes
  Host router;
  std::vector<Host> outside;
  std::vector<Node> nodes;
};

GraphModel read_graph(const nlohmann::json& graph);

}  // namespace labctl::graph
