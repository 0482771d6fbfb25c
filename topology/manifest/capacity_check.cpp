#include "topology/manifest/capacity_check.hpp"

#include "topology/model/pod_capacity.hpp"

#include <optional>

namespace labctl::manifest {

void check_replicas(const std::vector<Record>& records, std::uint64_t capacity, Findings& findings) {
  for (const Record& record : records) {
    const bool has_replicas = record.kind->name == "Deployment" || record.kind->name == "ReplicaSet" ||
                              record.kind->name == "StatefulSet";
    if (!has_replicas || !record.is_sound) {
      continue;
    }
    const Place spec = record.place.field("spec");
    const Place replicas = spec ? spec.field("replicas") : Place{};
    if (replicas && replicas.node->kind == YamlNode::Kind::Integer) {
      if (const auto complaint = model::check_replicas(replicas.node->integer, capacity)) {
        findings.error(replicas, complaint->message, complaint->hint);
      }
    }
  }
}

}  // namespace labctl::manifest
