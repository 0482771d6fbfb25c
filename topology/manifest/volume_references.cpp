#include "topology/manifest/volume_references.hpp"

#include "topology/manifest/known_objects.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/webhook_secret.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace labctl::manifest {
namespace {

class ReferenceCheck {
 public:
  ReferenceCheck(const KnownObjects& known, const std::string& ns, Findings& findings)
      : known_(known), ns_(ns), findings_(findings) {}

  void check_pod(const Place& spec) {
    const Place volumes = spec.field("volumes");
    for (std::size_t i = 0; i < volumes.size(); ++i) {
      const Place volume = volumes.item(i);
      check_volume(volume);
    }
    for (const char* field : {"initContainers", "containers"}) {
      const Place containers = spec.field(field);
      for (std::size_t i = 0; i < containers.size(); ++i) {
        const Place container = containers.item(i);
        check_container(container);
      }
    }
  }

 private:
  void check(std::string_view kind, const Place& holder, std::string_view name_field) {
    const Place name = holder.field(name_field);
    // What every namespace has is there whatever the files say.
    if (!holder || name.text().empty() || truth_at(holder.field("optional"), false) ||
        name.text() == "kube-root-ca.crt" || known_.has(kind, ns_, name.text())) {
      return;
    }
    known_.warn_of_missing(kind, ns_, name, "containers that want it will wait", findings_);
  }

  void check_volume(const Place& volume) {
    check("ConfigMap", volume.field("configMap"), "name");
    check("Secret", volume.field("secret"), "secretName");
    check("PersistentVolumeClaim", volume.field("persistentVolumeClaim"), "claimName");
    const Place projected = volume.field("projected");
    const Place sources = projected.field("sources");
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const Place source = sources.item(i);
      check("ConfigMap", source.field("configMap"), "name");
      check("Secret", source.field("secret"), "name");
    }
  }

  void check_container(const Place& container) {
    const Place env = container.field("env");
    for (std::size_t i = 0; i < env.size(); ++i) {
      const Place variable = env.item(i);
      const Place from = variable.field("valueFrom");
      check("ConfigMap", from.field("configMapKeyRef"), "name");
      check("Secret", from.field("secretKeyRef"), "name");
    }
    const Place all = container.field("envFrom");
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Place from = all.item(i);
      check("ConfigMap", from.field("configMapRef"), "name");
      check("Secret", from.field("secretRef"), "name");
    }
  }

  const KnownObjects& known_;
  const std::string& ns_;
  Findings& findings_;
};

// The Secrets that stand-ins of the pod's containers make.
void add_made_secrets(const Place& pod, const std::string& ns, KnownObjects& known) {
  for (const char* field : {"initContainers", "containers"}) {
    const Place containers = pod.field(field);
    for (std::size_t i = 0; i < containers.size(); ++i) {
      const Place container = containers.item(i);
      std::vector<std::string> words = texts_at(container.field("command"));
      const std::vector<std::string> args = texts_at(container.field("args"));
      words.insert(words.end(), args.begin(), args.end());
      if (const auto made = model::webhook_secret_of(container.field("image").text(), words)) {
        // A variable there is the pod's own namespace, as all charts have it.
        const bool is_own = made->ns.empty() || made->ns.starts_with("$(");
        known.add("Secret", is_own ? ns : made->ns, made->name);
      }
    }
  }
}

}  // namespace

void check_config_references(const std::vector<Record>& records, Findings& findings) {
  KnownObjects known(records);
  for (const Record& record : records) {
    if (record.is_sound) {
      with_pod_spec(record, [&](const Place& pod) { add_made_secrets(pod, record.ns, known); });
    }
  }
  for (const Record& record : records) {
    if (record.is_sound && !record.ns.empty()) {
      ReferenceCheck check(known, record.ns, findings);
      with_pod_spec(record, [&](const Place& pod) { check.check_pod(pod); });
    }
  }
}

}  // namespace labctl::manifest
