#include "labctl/lab/boot_objects.hpp"

#include "labctl/api/resource_kinds.hpp"
#include "labctl/apiserver/last_applied.hpp"
#include "labctl/apiserver/resource_rules.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/decode_pod.hpp"
#include "labctl/objects/pod_admission.hpp"
#include "labctl/objects/pod_course.hpp"
#include "labctl/objects/priority.hpp"
#include "topology/base/error.hpp"

#include <algorithm>

namespace labctl::lab {
namespace {

std::string place_of(const SourcePosition& where) {
  return where.file.empty() ? "" : where.file + ":" + std::to_string(where.line);
}

bool comes_before_pods(std::string_view kind) {
  return kind == "PriorityClass" || kind == "LimitRange" || kind == "ResourceQuota";
}

}  // namespace

void create_objects(store::Store& store, allocation::ServiceAllocation& services,
                    const std::vector<manifest::Object>& objects) {
  std::vector<allocation::ServiceAllocation::New> new_services;
  for (const bool is_first : {true, false}) {  // what pods take over, and are counted by
    for (const manifest::Object& object : objects) {
      if (comes_before_pods(object.kind) != is_first) {
        continue;
      }
      const api::ResourceKind* kind = api::find_kind(object.api_version, object.kind);
      if (kind == nullptr || kind->plural == "nodes") {
        continue;
      }
      const store::Key key{std::string(kind->plural), object.ns, object.name};
      if (store.find(key) == nullptr) {
        // One object without which the lab can be does not keep it from coming up.
        objects::contain(store, key, "FailedCreate", "labctl", [&] {
          nlohmann::json fresh = object.json;
          apiserver::save_last_applied(fresh, object.last_applied);
          apiserver::prepare_new(key.resource, fresh);
          if (key.resource == "pods") {
            objects::admit_new_pod(store, fresh);
          }
          if (key.resource == allocation::kServices) {
            new_services.push_back({key, std::move(fresh), place_of(object.where)});
          } else {
            store.create(key, std::move(fresh));
          }
        });
      }
    }
  }
  for (nlohmann::json& system : objects::system_priority_classes()) {
    const store::Key key = store::key_of("priorityclasses", system);
    if (store.find(key) == nullptr) {
      store.create(key, std::move(system));
    }
  }
  services.create_all(std::move(new_services));
}

std::vector<model::Pod> placeable_pods(const store::Store& store) {
  std::vector<model::Pod> pods;
  for (const store::ObjectPtr& pod : store.list("pods")) {
    if (objects::is_placeable(*pod)) {
      pods.push_back(objects::decode_pod(*pod));
    }
  }
  return pods;
}

plan::PodSlot slot_of(const model::Cluster& cluster, const model::Pod& pod, std::uint32_t number) {
  const auto node = std::find_if(cluster.nodes.begin(), cluster.nodes.end(),
                                 [&](const model::Node& one) { return one.name == pod.node_name; });
  if (node == cluster.nodes.end()) {
    throw Error(ErrorKind::NotFound, "node \"" + pod.node_name + "\": not in this lab");
  }
  return {plan::pod_id(pod.key), static_cast<size_t>(node - cluster.nodes.begin()), pod.ips, number};
}

}  // namespace labctl::lab
