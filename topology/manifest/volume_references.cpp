#include "topology/manifest/volume_references.hpp"

#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/webhook_secret.hpp"

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace labctl::manifest {
namespace {

constexpr std::string_view kClaim = "PersistentVolumeClaim";

using Named = std::set<std::tuple<std::string, std::string, std::string>>;

class ReferenceCheck {
 public:
  ReferenceCheck(const Named& known, const std::string& ns, Findings& findings)
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
        name.text() == "kube-root-ca.crt" ||
        known_.contains({std::string(kind), ns_, std::string(name.text())})) {
      return;
    }
    findings_.repeated(
        name, {"missing " + std::string(kind) + " " + ns_ + "/" + std::string(name.text()),
               "no file has the " + std::string(kind) + " " +
                   in_quotes(ns_ + "/" + std::string(name.text())) + ", so containers that want it will wait",
               "add it, or create it in the running lab", false, false});
  }

  void check_volume(const Place& volume) {
    check("ConfigMap", volume.field("configMap"), "name");
    check("Secret", volume.field("secret"), "secretName");
    check(kClaim, volume.field("persistentVolumeClaim"), "claimName");
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

  const Named& known_;
  const std::string& ns_;
  Findings& findings_;
};

// The Secrets that stand-ins of the pod's containers make.
void add_made_secrets(const Place& pod, const std::string& ns, Named& known) {
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
        known.emplace("Secret", is_own ? ns : made->ns, made->name);
      }
    }
  }
}

}  // namespace

void check_config_references(const std::vector<Record>& records, Findings& findings) {
  Named known;
  for (const Record& record : records) {
    known.emplace(record.kind->name, record.ns, record.name);
    if (record.is_sound) {
      with_pod_spec(record, [&](const Place& pod) { add_made_secrets(pod, record.ns, known); });
    }
  }
  for (const Record& record : records) {
    if (!record.is_sound || record.ns.empty()) {
      continue;
    }
    const Place spec = record.place.field("spec");
    ReferenceCheck check(known, record.ns, findings);
    if (record.kind->schema == &kPod) {
      check.check_pod(spec);
    } else if (record.kind->api_version == "apps/v1") {
      const Place pod_template = spec.field("template");
      const Place pod_spec = pod_template.field("spec");
      check.check_pod(pod_spec);
    }
  }
}

}  // namespace labctl::manifest
