// core/v1 Pod: its fields, and the rules between them (apis/core/validation).

#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/kinds/probe_schema.hpp"
#include "topology/manifest/kinds/scheduling_schema.hpp"
#include "topology/manifest/kinds/security_schema.hpp"
#include "topology/manifest/kinds/status_schema.hpp"
#include "topology/manifest/kinds/volume_schema.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/pod.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 3> kContainerProtocols{"TCP", "UDP", "SCTP"};
constexpr std::array<std::string_view, 3> kRestartPolicies{"Always", "OnFailure", "Never"};
constexpr std::array<std::string_view, 4> kDnsPolicies{"ClusterFirst", "ClusterFirstWithHostNet", "Default",
                                                       "None"};
constexpr std::array<std::string_view, 2> kPreemptionPolicies{"PreemptLowerPriority", "Never"};
constexpr size_t kNameserversMax = 3;
constexpr size_t kSearchesMax = 32;
constexpr size_t kSearchCharactersMax = 2048;  // with a blank between each two

constexpr std::array kPortFields{
    text("name", check_port_name), port("containerPort").required(),
    integer("hostPort", 0, 65535), text("protocol").one_of(kContainerProtocols),
    text("hostIP", check_ip),
};
constexpr Schema kPort{"container port", kPortFields};

constexpr std::array<std::string_view, 1> kFieldApi{"v1"};
constexpr std::array kFieldRefFields{text("apiVersion").one_of(kFieldApi),
                                     text("fieldPath", check_field_path).required()};
constexpr Schema kFieldRef{"fieldRef", kFieldRefFields};
constexpr std::array kEnvSourceFields{object("fieldRef", kFieldRef), object("configMapKeyRef", kKeyRef),
                                      object("secretKeyRef", kKeyRef),
                                      object("resourceFieldRef", kResourceFieldRef), later("fileKeyRef")};

void check_env_source(const Place& place, Findings& findings) {
  if (place.node->entries.size() != 1) {
    findings.error(place, "must have exactly one source, got " + std::to_string(place.node->entries.size()),
                   "as in {fieldRef: {fieldPath: status.podIP}}");
  }
}
constexpr Schema kEnvSource{"variable's valueFrom", kEnvSourceFields, check_env_source};

constexpr std::array kEnvFields{text("name", check_env_name).required(), text("value"),
                                object("valueFrom", kEnvSource)};

void check_env(const Place& place, Findings& findings) {
  if (place.field("valueFrom") && !place.field("value").text().empty()) {
    findings.error(place.field("valueFrom"), "a variable has a value or a valueFrom, not both", "remove one");
  }
}
constexpr Schema kEnv{"variable", kEnvFields, check_env};

constexpr std::array kContainerFields{
    text("name", check_dns_label).required(),
    text("image", check_image).required(),
    texts("command"),
    texts("args"),
    text("workingDir"),
    list("env", kEnv),
    list("ports", kPort),
    list("envFrom", kEnvFrom),
    list("volumeMounts", kVolumeMount),
    later("volumeDevices"),
    object("lifecycle", kLifecycle),
    object("livenessProbe", kSingleSuccessProbe),
    object("readinessProbe", kReadinessProbe),
    object("startupProbe", kSingleSuccessProbe),
    text("restartPolicy").one_of(kRestartPolicies),
    without_effect("restartPolicyRules"),
    object("resources", kResources),
    without_effect("resizePolicy"),
    without_effect("imagePullPolicy"),
    object("securityContext", kContainerSecurity),
    without_effect("stdin"),
    without_effect("stdinOnce"),
    without_effect("tty"),
    without_effect("terminationMessagePath", "/dev/termination-log"),
    without_effect("terminationMessagePolicy", "File"),
};

void check_container(const Place& place, Findings& findings) {
  std::map<std::string, int, std::less<>> names;
  const Place ports = place.field("ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    const Place port = ports.item(i);
    const Place name = port.field("name");
    if (name && !names.emplace(name.text(), name.mark.line).second) {
      findings.error(
          name, "a second port named " + in_quotes(name.text()) + " in this container",
          "the first is on line " + std::to_string(names.find(name.text())->second) + "; rename one of them");
    }
  }
}
constexpr Schema kContainer{"container", kContainerFields, check_container, check_probe_ports};

constexpr std::string_view kDefaultScheduler = "default-scheduler";

constexpr std::array kReadinessGateFields{text("conditionType", check_qualified_name).required()};
constexpr Schema kReadinessGate{"readiness gate", kReadinessGateFields};

constexpr std::array kHostAliasFields{text("ip", check_ip).required(),
                                      texts("hostnames", check_dns_subdomain)};
constexpr Schema kHostAlias{"host alias", kHostAliasFields};

// A subdomain that may have '_' and a final dot; or the root. What it says is written to resolv.conf.
std::optional<Complaint> check_search_domain(std::string_view text) {
  if (text == ".") {
    return std::nullopt;
  }
  std::string plain(text);
  if (plain.ends_with('.')) {
    plain.pop_back();
  }
  std::replace(plain.begin(), plain.end(), '_', '0');
  return check_dns_subdomain(plain) ? check_dns_subdomain(text) : std::nullopt;
}

std::optional<Complaint> check_resolver_word(std::string_view text) {
  const auto is_plain = [](char c) { return c > ' ' && c <= '~'; };
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    return std::nullopt;
  }
  return Complaint{"must be one word of printable ASCII, got " + in_quotes(text),
                   "one option of resolv.conf is one item, as in {name: ndots, value: \"2\"}"};
}

std::optional<Complaint> check_resolver_option(std::string_view text) {
  auto complaint = check_not_empty(text);
  return complaint ? complaint : check_resolver_word(text);
}

constexpr std::array kDnsOptionFields{text("name", check_resolver_option).required(),
                                      text("value", check_resolver_word)};
constexpr Schema kDnsOption{"dnsConfig option", kDnsOptionFields};
constexpr std::array kDnsConfigFields{texts("nameservers", check_ip), texts("searches", check_search_domain),
                                      list("options", kDnsOption)};

void check_dns_config(const Place& place, Findings& findings) {
  const Place nameservers = place.field("nameservers");
  if (nameservers.size() > kNameserversMax) {
    findings.error(nameservers, "at most " + std::to_string(kNameserversMax) + " nameservers, got " +
                                    std::to_string(nameservers.size()));
  }
  const Place searches = place.field("searches");
  if (searches.size() > kSearchesMax) {
    findings.error(searches, "at most " + std::to_string(kSearchesMax) + " search domains, got " +
                                 std::to_string(searches.size()));
  }
  size_t characters = 0;
  for (const std::string& search : texts_at(searches)) {
    characters += search.size() + (characters == 0 ? 0 : 1);
  }
  if (characters > kSearchCharactersMax) {
    findings.error(searches, "at most " + std::to_string(kSearchCharactersMax) +
                                 " characters of search domains, blanks between them included, got " +
                                 std::to_string(characters));
  }
}
constexpr Schema kDnsConfig{"dnsConfig", kDnsConfigFields, check_dns_config};

constexpr std::array kPodSpecFields{
    list("containers", kContainer).required().not_empty(),
    list("initContainers", kContainer),
    text("restartPolicy").one_of(kRestartPolicies),
    count("terminationGracePeriodSeconds"),
    text("nodeName", check_dns_subdomain),
    string_map("nodeSelector", check_label_key, check_label_value),
    text("hostname", check_dns_label),
    text("subdomain", check_dns_label),
    boolean("setHostnameAsFQDN"),
    boolean("hostNetwork"),
    list("hostAliases", kHostAlias),
    text("dnsPolicy").one_of(kDnsPolicies),
    object("dnsConfig", kDnsConfig),
    boolean("enableServiceLinks"),
    list("tolerations", kToleration),
    integer("activeDeadlineSeconds", 1, std::numeric_limits<std::int32_t>::max()),
    object("affinity", kAffinity),
    later("ephemeralContainers"),
    list("readinessGates", kReadinessGate),
    list("schedulingGates", kSchedulingGate),
    list("topologySpreadConstraints", kTopologySpread),
    list("volumes", kVolume),
    boolean("shareProcessNamespace"),
    text("hostnameOverride", check_dns_subdomain),
    without_effect("automountServiceAccountToken"),
    without_effect("hostIPC"),
    without_effect("hostPID"),
    without_effect("hostUsers"),
    without_effect("imagePullSecrets"),
    without_effect("os"),
    object("overhead", kResourceList),
    text("preemptionPolicy").one_of(kPreemptionPolicies),
    integer("priority", std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()),
    text("priorityClassName", check_dns_subdomain),
    without_effect("resourceClaims"),
    without_effect("resources"),
    without_effect("runtimeClassName"),
    text("schedulerName"),
    object("securityContext", kPodSecurity),
    without_effect("serviceAccount", "default"),
    without_effect("serviceAccountName", "default"),
};

void check_container_names(const Place& spec, Findings& findings) {
  std::map<std::string, int, std::less<>> seen;
  for (const std::string_view field : {"initContainers", "containers"}) {
    const Place containers = spec.field(field);
    for (size_t i = 0; i < containers.size(); ++i) {
      const Place container = containers.item(i);
      const Place name = container.field("name");
      const auto [first, is_new] = seen.emplace(name.text(), name.mark.line);
      if (!is_new) {
        findings.error(name, "a second container named " + in_quotes(name.text()) + " in this pod",
                       "the first is on line " + std::to_string(first->second) + "; rename one of them");
      }
    }
  }
}

std::string protocol_of(const Place& port) {
  const std::string_view protocol = port.field("protocol").text();
  return std::string(protocol.empty() ? "TCP" : protocol);
}

void check_host_port(const Place& port, bool host_network,
                     std::set<std::tuple<std::string, std::int64_t, std::string>>& taken,
                     Findings& findings) {
  const Place host_port = port.field("hostPort");
  if (!host_port || host_port.node->integer == 0) {
    return;
  }
  const std::int64_t number = host_port.node->integer;
  if (host_network && number != port.field("containerPort").node->integer) {
    findings.error(host_port,
                   "must equal the containerPort " +
                       std::to_string(port.field("containerPort").node->integer) +
                       " in a hostNetwork pod, got " + std::to_string(number),
                   "leave hostPort out");
  }
  if (!taken.emplace(protocol_of(port), number, std::string(port.field("hostIP").text())).second) {
    findings.error(
        host_port,
        "hostPort " + std::to_string(number) + "/" + protocol_of(port) + " is used twice in this pod",
        "give each its own port");
  }
}

void check_ports(const Place& spec, Findings& findings) {
  const bool host_network = truth_at(spec.field("hostNetwork"), false);
  std::set<std::tuple<std::string, std::int64_t, std::string>> host_ports;
  std::map<std::pair<std::string, std::int64_t>, std::pair<size_t, std::string>> numbers;
  const Place containers = spec.field("containers");
  for (size_t i = 0; i < containers.size(); ++i) {
    const Place container = containers.item(i);
    const Place ports = container.field("ports");
    for (size_t j = 0; j < ports.size(); ++j) {
      const Place port = ports.item(j);
      check_host_port(port, host_network, host_ports, findings);
      const Place number = port.field("containerPort");
      const auto [first, is_new] = numbers.try_emplace({protocol_of(port), number.node->integer}, i,
                                                       std::string(container.field("name").text()));
      if (!is_new) {
        const bool same = first->second.first == i;
        findings.warning(number,
                         "port " + std::to_string(number.node->integer) + "/" + protocol_of(port) +
                             (same ? " is listed twice in this container"
                                   : " is also a port of container " + in_quotes(first->second.second)),
                         same ? "remove one of them"
                              : "containers of a pod share its address: the second to listen gets "
                                "\"address in use\", as on a real cluster");
      }
    }
  }
}

// Of an init container that stays it says all there is to say; others have the pod's.
void check_restart_policies(const Place& spec, Findings& findings) {
  const std::string_view of_pod = spec.field("restartPolicy").text();
  for (const std::string_view field : {"initContainers", "containers"}) {
    const Place containers = spec.field(field);
    for (size_t i = 0; i < containers.size(); ++i) {
      const Place container = containers.item(i);
      const Place policy = container.field("restartPolicy");
      const bool is_applied = field == "initContainers"
                                  ? policy.text() == "Always"
                                  : policy.text() == (of_pod.empty() ? "Always" : of_pod);
      if (policy && !is_applied) {
        findings.repeated(policy, {"restartPolicy of " + std::string(field),
                                   "accepted, but has no effect in a lab: the pod's restartPolicy counts", "",
                                   true, false, Topic::NoEffect, "restartPolicy"});
      }
    }
  }
}

// validateHostnameOverride (KEP-4762): it is the kernel's name as it stands.
void check_hostname_override(const Place& spec, Findings& findings) {
  const Place name = spec.field("hostnameOverride");
  if (!name) {
    return;
  }
  if (name.text().size() > model::kKernelHostnameMax) {
    findings.error(name, "must be no more than " + std::to_string(model::kKernelHostnameMax) +
                             " characters, got " + std::to_string(name.text().size()));
  }
  if (truth_at(spec.field("setHostnameAsFQDN"), false)) {
    refuse_value(name, "may not be set when setHostnameAsFQDN is true", findings, "leave one of them out");
  }
  if (truth_at(spec.field("hostNetwork"), false)) {
    refuse_value(name, "may not be set when hostNetwork is true", findings, "such a pod has its node's name");
  }
}

// validateStopSignal: the names of signals are those of a system.
void check_stop_signals(const Place& spec, Findings& findings) {
  const Place os = spec.field("os");
  if (!os.field("name").text().empty()) {
    return;
  }
  for (const std::string_view field : {"initContainers", "containers"}) {
    const Place containers = spec.field(field);
    for (size_t i = 0; i < containers.size(); ++i) {
      const Place container = containers.item(i);
      const Place lifecycle = container.field("lifecycle");
      if (const Place signal = lifecycle.field("stopSignal")) {
        refuse_field(signal, "may not be set for containers with empty `spec.os.name`", findings,
                     "add os: {name: linux} to the pod's spec");
      }
    }
  }
}

// A cluster leaves pods of a scheduler that does not run there Pending for ever.
void check_scheduler(const Place& spec, Findings& findings) {
  const Place name = spec.field("schedulerName");
  if (name.text().empty() || name.text() == kDefaultScheduler) {
    return;
  }
  const std::string what = "scheduler " + std::string(name.text());
  findings.repeated(name, {what, "no " + what + " runs in a lab: the lab's own places the pods", "", false,
                           false, Topic::StoodIn, what});
}

void check_pod_spec(const Place& spec, Findings& findings) {
  check_scheduler(spec, findings);
  check_stop_signals(spec, findings);
  check_restart_policies(spec, findings);
  check_hostname_override(spec, findings);
  check_container_names(spec, findings);
  check_ports(spec, findings);
  const Place* owner = spec.parent == nullptr ? nullptr : spec.parent->parent;  // of the template it is in
  check_volumes(spec, owner == nullptr ? Place() : owner->field("volumeClaimTemplates"), findings);
  check_scheduling(spec, findings);
  const Place dns_config = spec.field("dnsConfig");
  if (spec.field("dnsPolicy").text() == "None" && dns_config.field("nameservers").size() == 0) {
    findings.error(spec.field("dnsPolicy"), "dnsPolicy None needs at least one nameserver in dnsConfig",
                   "add dnsConfig: {nameservers: [ADDRESS]}");
  }
}

void check_init_containers(const Place& spec, Findings& findings) {
  const Place containers = spec.field("initContainers");
  for (size_t i = 0; i < containers.size(); ++i) {
    const Place container = containers.item(i);
    check_init_container(container, findings);
  }
}

void check_pod_is_new(const Place& pod, Findings& findings) {
  const Place spec = pod.field("spec");
  if (const Place ephemeral = spec.field("ephemeralContainers"); ephemeral.size() > 0) {
    refuse_field(ephemeral, "cannot be set on create", findings);
  }
}

constexpr std::array kPodFields{
    text("apiVersion"),
    text("kind"),
    object("metadata", kMetadata).required(),
    object("spec", kPodSpec).required(),
    reserved("status", kPodStatus),
};

}  // namespace

constexpr Schema kPodSpec{"pod spec", kPodSpecFields, check_pod_spec, check_init_containers};
constexpr Schema kPod{"Pod", kPodFields, check_pod_is_new};

}  // namespace labctl::manifest
