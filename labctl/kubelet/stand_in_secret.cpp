#include "labctl/kubelet/stand_in_secret.hpp"

#include "labctl/objects/cluster_identity.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/base64.hpp"

#include <nlohmann/json.hpp>

namespace labctl::kubelet {

nlohmann::json secret_object(const model::WebhookSecret& secret, const std::string& ns) {
  const objects::Certified pair = objects::certify(secret.hosts);
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata", {{"name", secret.name}, {"namespace", ns}}},
          {"type", "Opaque"},
          {"data",
           {{secret.ca_key, to_base64(objects::cluster_ca())},
            {secret.certificate_key, to_base64(pair.certificate)},
            {secret.key_key, to_base64(pair.key)}}}};
}

bool make_webhook_secret(store::Store& store, const model::WebhookSecret& secret, const std::string& ns) {
  const store::ObjectPtr home = store.find({"namespaces", "", ns});
  const store::Key key{"secrets", ns, secret.name};
  if (home == nullptr || objects::is_being_deleted(*home) || store.find(key) != nullptr) {
    return false;
  }
  store.create(key, secret_object(secret, ns));
  return true;
}

}  // namespace labctl::kubelet
