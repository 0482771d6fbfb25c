#include "topology/manifest/deprecations.hpp"

#include "topology/manifest/kinds/service_rules.hpp"

#include <array>
#include <set>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

struct Deprecated {
  std::string_view key;
  std::string_view message;
};

constexpr std::array<Deprecated, 8> kNodeLabels{{
    {"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
    {"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
    {"failure-domain.beta.kubernetes.io/region",
     "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
    {"failure-domain.beta.kubernetes.io/zone",
     "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
    {"beta.kubernetes.io/instance-type",
     "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
    {"app.kubernetes.io/created-by", "deprecated since v1.9"},
    {"scheduler.alpha.kubernetes.io/preferAvoidPods",
     "deprecated since v1.22; use Taints and Tolerations instead"},
    {"node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"},
}};

constexpr std::array<Deprecated, 3> kPodAnnotations{{
    {"scheduler.alpha.kubernetes.io/critical-pod",
     "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
    {"security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"},
    {"security.alpha.kubernetes.io/unsafe-sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
}};
constexpr const char* kSeccomp = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
constexpr const char* kAppArmor = "deprecated since v1.30; use the \"appArmorProfile\" field instead";

constexpr std::array<Deprecated, 3> kVolumes{{
    {"gitRepo", "deprecated in v1.11"},
    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
}};

std::string_view message_for(std::string_view key) {
  for (const Deprecated& label : kNodeLabels) {
    if (label.key == key) {
      return label.message;
    }
  }
  return {};
}

void say(const Place& place, std::string message, Findings& findings) {
  std::string kind = "deprecated " + message;
  findings.repeated(place, {std::move(kind), std::move(message), {}, true, false});
}

// ---- Pods ---------------------------------------------------------------------------------------
class PodWarnings {
 public:
  PodWarnings(bool is_template, Findings& findings) : is_template_(is_template), findings_(findings) {}

  void check(const Place& pod) {
    const Place metadata = pod.field("metadata");
    const Place annotations = metadata.field("annotations");
    const Place spec = pod.field("spec");
    check_labels(spec);
    check_volumes(spec);
    for (const Deprecated& annotation : kPodAnnotations) {
      if (const Place at = annotations.field(annotation.key)) {
        say(at, std::string(annotation.message), findings_);
      }
    }
    const Place context = spec.field("securityContext");
    const Place seccomp = annotations.field("seccomp.security.alpha.kubernetes.io/pod");
    if (seccomp && !context.field("seccompProfile")) {
      say(seccomp, kSeccomp, findings_);
    }
    check_host_aliases(spec);
    for (const char* list : {"initContainers", "containers"}) {
      const Place containers = spec.field(list);
      for (std::size_t i = 0; i < containers.size(); ++i) {
        const Place container = containers.item(i);
        check_profiles(container, annotations, bool(context.field("appArmorProfile")));
        check_env(container);
        check_ports(container);
      }
    }
  }

 private:
  void check_labels(const Place& spec) {
    const Place selector = spec.field("nodeSelector");
    for (std::size_t i = 0; selector && i < selector.node->entries.size(); ++i) {
      const YamlEntry& entry = selector.node->entries[i];
      if (const std::string_view message = message_for(entry.key); !message.empty()) {
        say(selector.member(entry), std::string(message), findings_);
      }
    }
    const Place affinity = spec.field("affinity");
    const Place of_nodes = affinity.field("nodeAffinity");
    const Place required = of_nodes.field("requiredDuringSchedulingIgnoredDuringExecution");
    const Place terms = required.field("nodeSelectorTerms");
    for (std::size_t i = 0; i < terms.size(); ++i) {
      const Place term = terms.item(i);
      check_term(term);
    }
    const Place preferred = of_nodes.field("preferredDuringSchedulingIgnoredDuringExecution");
    for (std::size_t i = 0; i < preferred.size(); ++i) {
      const Place weighted = preferred.item(i);
      const Place term = weighted.field("preference");
      check_term(term);
    }
    const Place spread = spec.field("topologySpreadConstraints");
    for (std::size_t i = 0; i < spread.size(); ++i) {
      const Place constraint = spread.item(i);
      const Place key = constraint.field("topologyKey");
      check_key(key);
      if (!constraint.field("labelSelector")) {
        say(constraint, "a null labelSelector results in matching no pod", findings_);
      }
    }
  }

  void check_key(const Place& key) {
    if (const std::string_view message = message_for(key.text()); !message.empty()) {
      say(key, std::string(key.text()) + " is " + std::string(message), findings_);
    }
  }

  void check_term(const Place& term) {
    const Place expressions = term.field("matchExpressions");
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      const Place expression = expressions.item(i);
      const Place key = expression.field("key");
      check_key(key);
    }
  }

  void check_volumes(const Place& spec) {
    const Place volumes = spec.field("volumes");
    for (std::size_t i = 0; i < volumes.size(); ++i) {
      const Place volume = volumes.item(i);
      for (const Deprecated& type : kVolumes) {
        if (const Place at = volume.field(type.key)) {
          say(at, std::string(type.message), findings_);
        }
      }
    }
  }

  void check_host_aliases(const Place& spec) {
    std::set<std::string_view> seen;
    const Place aliases = spec.field("hostAliases");
    for (std::size_t i = 0; i < aliases.size(); ++i) {
      const Place alias = aliases.item(i);
      const Place ip = alias.field("ip");
      if (!seen.insert(ip.text()).second) {
        findings_.warning(ip, "duplicate ip " + in_quotes(ip.text()));
      }
    }
  }

  void check_profiles(const Place& container, const Place& annotations, bool has_app_armor) {
    const Place context = container.field("securityContext");
    const std::string name(container.field("name").text());
    const std::string seccomp_key = "container.seccomp.security.alpha.kubernetes.io/" + name;
    const Place seccomp = annotations.field(seccomp_key);
    if (seccomp && !context.field("seccompProfile")) {
      say(seccomp, kSeccomp, findings_);
    }
    const std::string armor_key = "container.apparmor.security.beta.kubernetes.io/" + name;
    const Place armor = annotations.field(armor_key);
    if (armor && is_template_ && !has_app_armor && !context.field("appArmorProfile")) {
      say(armor, kAppArmor, findings_);
    }
  }

  // X=$(X)y makes use of the value before it, all else hides it.
  void check_env(const Place& container) {
    std::set<std::string_view> seen;
    const Place env = container.field("env");
    for (std::size_t i = 0; i < env.size(); ++i) {
      const Place variable = env.item(i);
      const Place name = variable.field("name");
      if (seen.insert(name.text()).second) {
        continue;
      }
      const std::string_view value = variable.field("value").text();
      const std::string reference = "$(" + std::string(name.text()) + ")";
      if (variable.field("valueFrom") || value == reference ||
          value.find(reference) == std::string_view::npos) {
        findings_.warning(name, "hides previous definition of " + in_quotes(name.text()) +
                                    ", which may be dropped when using apply");
      }
    }
  }

  void check_ports(const Place& container) {
    const Place ports = container.field("ports");
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const Place port = ports.item(i);
      const Place host_port = port.field("hostPort");
      const bool is_set = host_port && host_port.node->integer != 0;
      if (!port.field("hostIP").text().empty() && !is_set) {
        const Place ip = port.field("hostIP");
        say(ip, "hostIP set without hostPort", findings_);
      }
    }
  }

  const bool is_template_;
  Findings& findings_;
};

// ---- Services -----------------------------------------------------------------------------------
void check_service(const Place& service, Findings& findings) {
  const Place metadata = service.field("metadata");
  const Place annotations = metadata.field("annotations");
  if (const Place hints = annotations.field("service.kubernetes.io/topology-aware-hints")) {
    say(hints,
        "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
        "service.kubernetes.io/topology-mode instead",
        findings);
  }
  const Place spec = service.field("spec");
  const bool is_elsewhere = type_of_service(spec) == "ExternalName";
  const bool is_headless = type_of_service(spec) == "ClusterIP" && ClusterIps(spec).is_none();
  const Place external_ips = spec.field("externalIPs");
  const Place balancer_ip = spec.field("loadBalancerIP");
  if (is_headless && !balancer_ip.text().empty()) {
    say(balancer_ip, "spec.loadBalancerIP is ignored for headless services", findings);
  }
  const Place affinity = spec.field("sessionAffinity");
  if (is_headless && !affinity.text().empty() && affinity.text() != "None") {
    say(affinity, "spec.SessionAffinity is ignored for headless services", findings);
  }
  if (external_ips.size() > 0) {
    say(external_ips,
        is_headless    ? "spec.externalIPs is ignored for headless services"
        : is_elsewhere ? "spec.externalIPs is ignored when spec.type is \"ExternalName\""
                       : "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
        findings);
  }
  const Place name = spec.field("externalName");
  if (!is_elsewhere && !name.text().empty()) {
    say(name, "spec.externalName is ignored when spec.type is not \"ExternalName\"", findings);
  }
  const Place distribution = spec.field("trafficDistribution");
  if (distribution.text() == "PreferClose") {
    say(distribution, "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"",
        findings);
  }
}

// ---- Others -------------------------------------------------------------------------------------
void check_ingress(const Place& ingress, Findings& findings) {
  const Place metadata = ingress.field("metadata");
  const Place annotations = metadata.field("annotations");
  const Place old = annotations.field("kubernetes.io/ingress.class");
  const Place spec = ingress.field("spec");
  if (old && !spec.field("ingressClassName")) {
    say(old,
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' "
        "instead",
        findings);
  }
}

void check_storage(const Place& object, Findings& findings) {
  const Place metadata = object.field("metadata");
  const Place annotations = metadata.field("annotations");
  if (const Place old = annotations.field("volume.beta.kubernetes.io/storage-class")) {
    say(old, "deprecated since v1.8; use \"storageClassName\" attribute instead", findings);
  }
}

}  // namespace

void check_deprecations(const std::vector<Record>& records, Findings& findings) {
  for (const Record& record : records) {
    const Schema* schema = record.kind->schema;
    if (!record.is_sound) {
      continue;
    }
    if (schema == &kEndpoints) {
      const Place kind = record.place.field("kind");
      say(kind ? kind : record.place,
          "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice", findings);
    }
    with_pod_template(record, [&](const Place& pod) { PodWarnings(schema != &kPod, findings).check(pod); });
    if (schema == &kService) {
      check_service(record.place, findings);
    } else if (schema == &kIngress) {
      check_ingress(record.place, findings);
    } else if (schema == &kPersistentVolume || schema == &kPersistentVolumeClaim) {
      check_storage(record.place, findings);
    }
  }
}

}  // namespace labctl::manifest
