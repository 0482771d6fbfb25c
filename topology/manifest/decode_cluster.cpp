#include "topology/manifest/decode_cluster.hpp"

#include "topology/base/error.hpp"
#include "topology/manifest/json_tree.hpp"
#include "topology/manifest/kinds/cluster_reader.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/yaml/findings.hpp"
#include "topology/manifest/yaml/yaml_tree.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace labctl::manifest {

model::Cluster decode_cluster(const nlohmann::json& spec, std::string name) {
  YamlArena arena;
  const YamlNode& tree = to_tree(spec, arena);  // JSON back to a tree: one reader knows the Cluster
  const Place place{tree.is_null() ? nullptr : &tree, {}, {}, 0, nullptr, {}, -1};
  Findings findings({"<cluster>"}, false);
  model::Cluster cluster;
  if (place) {
    check_schema(place, kClusterSpec, findings);
  }
  if (findings.errors() == 0) {
    cluster = read_cluster(place, std::move(name), findings);
  }
  for (const Diagnostic& diagnostic : findings.take()) {
    if (diagnostic.severity == Severity::Error) {
      throw Error(ErrorKind::InvalidInput, "decode cluster: " + diagnostic.path + ": " + diagnostic.message,
                  diagnostic.hint);
    }
  }
  return cluster;
}

}  // namespace labctl::manifest
