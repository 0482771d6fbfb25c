#include "labctl/apiserver/prune.hpp"

#include "labctl/apiserver/last_applied.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"
#include "topology/base/error.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace labctl::apiserver {
namespace {

// kubectl, pkg/util/prune: what is pruned when nothing else is said.
constexpr std::array<std::string_view, 16> kPrunedKinds{"core/v1/ConfigMap",
                                                        "core/v1/Endpoints",
                                                        "core/v1/Namespace",
                                                        "core/v1/Pod",
                                                        "core/v1/PersistentVolumeClaim",
                                                        "core/v1/PersistentVolume",
                                                        "core/v1/ReplicationController",
                                                        "core/v1/Secret",
                                                        "core/v1/Service",
                                                        "batch/v1/Job",
                                                        "batch/v1/CronJob",
                                                        "networking.k8s.io/v1/Ingress",
                                                        "apps/v1/DaemonSet",
                                                        "apps/v1/Deployment",
                                                        "apps/v1/ReplicaSet",
                                                        "apps/v1/StatefulSet"};

// Of "apps/v1/Deployment" or "core/v1/Pod"; null when a lab has no such kind.
const api::ResourceKind* kind_of(std::string_view word) {
  const std::size_t slash = word.rfind('/');
  if (slash == std::string_view::npos) {
    return nullptr;
  }
  std::string_view api_version = word.substr(0, slash);
  for (const std::string_view core : {"core/", "/"}) {
    api_version = api_version.starts_with(core) ? api_version.substr(core.size()) : api_version;
  }
  return api::find_kind(api_version, word.substr(slash + 1));
}

std::vector<const api::ResourceKind*> kinds_of(const api::PruneRequest& prune) {
  std::vector<const api::ResourceKind*> kinds;
  for (const std::string& word : prune.allowlist) {
    kinds.push_back(kind_of(word));
  }
  if (prune.allowlist.empty()) {
    for (const std::string_view word : kPrunedKinds) {
      if (const api::ResourceKind* kind = kind_of(word)) {
        kinds.push_back(kind);
      }
    }
  }
  return kinds;
}

std::set<std::string> namespaces_of(const std::set<store::Key>& keys) {
  std::set<std::string> namespaces;
  for (const store::Key& key : keys) {
    if (!key.ns.empty()) {
      namespaces.insert(key.ns);
    }
  }
  return namespaces;
}

}  // namespace

void check_prune(const api::ApplyRequest& request) {
  if (!request.prune) {
    return;
  }
  if (request.selector.empty() && !request.prune->is_all) {
    throw Error(ErrorKind::InvalidInput, "all resources selected for prune without explicitly passing --all",
                "to prune all resources, pass the --all flag; if you did not mean to prune all resources, "
                "specify a label selector");
  }
  if (!request.selector.empty() && request.prune->is_all) {
    throw Error(ErrorKind::InvalidInput, "cannot set --all and --selector at the same time");
  }
  for (const std::string& word : request.prune->allowlist) {
    if (kind_of(word) == nullptr) {
      throw Error(ErrorKind::InvalidInput, "invalid GroupVersionKind to prune: \"" + word + "\"",
                  "as in core/v1/Service or apps/v1/Deployment");
    }
  }
}

std::vector<Pruned> objects_to_prune(const LabObjects& lab, const api::ApplyRequest& request,
                                     const std::set<store::Key>& applied) {
  std::vector<Pruned> out;
  const model::LabelSelector selector = store::parse_label_selector(request.selector);
  const std::set<std::string> namespaces = namespaces_of(applied);
  lab.run_on_owner([&] {
    const auto look = [&](const api::ResourceKind& kind, const std::string& ns) {
      for (const store::ObjectPtr& object : lab.store.list(kind.plural, ns, selector)) {
        store::Key key{std::string(kind.plural), objects::namespace_of(*object), objects::name_of(*object)};
        if (has_last_applied(*object) && !objects::is_being_deleted(*object) && !applied.contains(key)) {
          out.push_back({&kind, std::move(key)});
        }
      }
    };
    for (const api::ResourceKind* kind : kinds_of(*request.prune)) {
      if (!kind->namespaced && request.ns.empty()) {
        look(*kind, "");
      }
      for (const std::string& ns : namespaces) {
        if (kind->namespaced) {
          look(*kind, ns);
        }
      }
    }
  });
  return out;
}

}  // namespace labctl::apiserver
