#include "labctl/controllers/namespace_objects.hpp"

#include "labctl/objects/cluster_identity.hpp"
#include "labctl/objects/contain.hpp"
#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using store::Change;
using store::ChangeType;
using store::Key;
using store::ObjectPtr;

constexpr const char* kDefaultAccount = "default";

// Those that are someone's to have: the namespace is there, and stays.
bool is_lasting(const ObjectPtr& ns) { return ns != nullptr && !objects::is_being_deleted(*ns); }

json root_ca_config_map(const std::string& ns) {
  return {
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata",
       {{"name", kRootCaConfigMap},
        {"namespace", ns},
        {"annotations",
         {{"kubernetes.io/description",
           "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints "
           "such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
           "distributions of Kubernetes clusters."}}}}},
      {"data", {{"ca.crt", objects::cluster_ca()}}}};
}

}  // namespace

NamespaceObjectsLoop::NamespaceObjectsLoop(store::Store& store) : store_(store) {
  for (const ObjectPtr& ns : store.list("namespaces")) {
    due_.insert(objects::name_of(*ns));
  }
  subscription_ = store.on_change([this](const Change& change) { note(change); });
}

void NamespaceObjectsLoop::note(const Change& change) {
  if (change.key.resource == "namespaces") {
    if (change.type == ChangeType::Added) {
      due_.insert(change.key.name);
    }
    return;
  }
  const bool is_account = change.key.resource == "serviceaccounts" && change.key.name == kDefaultAccount;
  const bool is_ca = change.key.resource == "configmaps" && change.key.name == kRootCaConfigMap;
  if ((is_account && change.type == ChangeType::Deleted) || is_ca) {
    due_.insert(change.key.ns);
  }
}

void NamespaceObjectsLoop::retry() { due_.merge(std::exchange(failed_, {})); }

bool NamespaceObjectsLoop::run() {
  for (const std::string& ns : std::exchange(due_, {})) {
    if (!objects::contain(store_, {"namespaces", "", ns}, "FailedSync", "serviceaccount-controller",
                          [&] { sync(ns); })) {
      failed_.insert(ns);
    }
  }
  return failed_.empty();
}

void NamespaceObjectsLoop::sync(const std::string& ns) {
  if (!is_lasting(store_.find({"namespaces", "", ns}))) {
    return;
  }
  const Key account{"serviceaccounts", ns, kDefaultAccount};
  if (store_.find(account) == nullptr) {
    store_.create(account, {{"apiVersion", "v1"},
                            {"kind", "ServiceAccount"},
                            {"metadata", {{"name", kDefaultAccount}, {"namespace", ns}}}});
  }
  const Key ca{"configmaps", ns, kRootCaConfigMap};
  const ObjectPtr present = store_.find(ca);
  json wanted = root_ca_config_map(ns);
  if (present == nullptr) {
    store_.create(ca, std::move(wanted));
  } else if (const json* data = objects::field(*present, "data");
             !objects::is_being_deleted(*present) && (data == nullptr || *data != wanted["data"])) {
    store_.modify(ca, [&](json& object) { object["data"] = wanted["data"]; });
  }
}

}  // namespace labctl::controllers
