#include "labctl/report/objects/policy_columns.hpp"

#include "labctl/report/objects/fields.hpp"

namespace labctl::report {
namespace {

using Json = nlohmann::json;

// Of an Ingress; of more only the number.
constexpr size_t kHostsShown = 3;

std::string created_at(const Json& o) { return text(o, "/metadata/creationTimestamp"); }
std::string min_available(const Json& o) { return text_or(o, "/spec/minAvailable", "N/A"); }
std::string max_unavailable(const Json& o) { return text_or(o, "/spec/maxUnavailable", "N/A"); }
std::string allowed_disruptions(const Json& o) { return text_or(o, "/status/disruptionsAllowed", "0"); }
std::string priority_value(const Json& o) { return text_or(o, "/value", "0"); }
std::string is_global_default(const Json& o) { return flag(o, "/globalDefault") ? "true" : "false"; }
std::string preemption_policy(const Json& o) {
  return text_or(o, "/preemptionPolicy", "PreemptLowerPriority");
}
std::string holder(const Json& o) { return text(o, "/spec/holderIdentity"); }
std::string handler(const Json& o) { return text(o, "/handler"); }
std::string webhooks(const Json& o) { return std::to_string(list(o, "/webhooks").size()); }
std::string policy_pods(const Json& o) { return join_selector(at(o, "/spec/podSelector")); }
std::string class_controller(const Json& o) { return text(o, "/spec/controller"); }

std::string scale_target(const Json& o) {
  return text(o, "/spec/scaleTargetRef/kind") + "/" + text(o, "/spec/scaleTargetRef/name");
}

// "cpu: <unknown>/80%": nothing is measured in a lab.
std::string scale_metrics(const Json& o) {
  std::string out;
  for (const Json& metric : list(o, "/spec/metrics")) {
    const std::string type = text(metric, "/type");
    const std::string where = type == "Resource"            ? "/resource"
                              : type == "ContainerResource" ? "/containerResource"
                              : type == "Pods"              ? "/pods"
                              : type == "Object"            ? "/object"
                                                            : "/external";
    const std::string name = text(metric, where + "/name");
    const std::string share = text(metric, where + "/target/averageUtilization");
    const std::string average = text(metric, where + "/target/averageValue");
    const std::string average_mark = type == "External" || type == "Object" ? " (avg)" : "";
    out += (out.empty() ? "" : ", ") + (name.empty() ? "" : name + ": ") + "<unknown>/" +
           (!share.empty()     ? share + "%"
            : !average.empty() ? average + average_mark
                               : text(metric, where + "/target/value"));
  }
  return out.empty() ? "<none>" : out;
}

std::string min_pods(const Json& o) { return text_or(o, "/spec/minReplicas", "<unset>"); }
std::string max_pods(const Json& o) { return text_or(o, "/spec/maxReplicas", "0"); }
std::string scaled_pods(const Json& o) { return text_or(o, "/status/currentReplicas", "0"); }

std::string class_parameters(const Json& o) {
  const Json& parameters = at(o, "/spec/parameters");
  if (!parameters.is_object()) {
    return "<none>";
  }
  const std::string group = text(parameters, "/apiGroup");
  return text(parameters, "/kind") + (group.empty() ? "" : "." + group) + "/" + text(parameters, "/name");
}

std::string ingress_class(const Json& o) { return text_or(o, "/spec/ingressClassName", "<none>"); }

std::string ingress_hosts(const Json& o) {
  std::string out;
  size_t hosts = 0;
  for (const Json& rule : list(o, "/spec/rules")) {
    if (++hosts <= kHostsShown) {
      out += (out.empty() ? "" : ",") + text_or(rule, "/host", "*");
    }
  }
  return hosts == 0             ? "*"
         : hosts <= kHostsShown ? out
                                : out + " + " + std::to_string(hosts - kHostsShown) + " more...";
}

std::string ingress_addresses(const Json& o) {
  std::string out;
  for (const Json& address : list(o, "/status/loadBalancer/ingress")) {
    const std::string ip = text(address, "/ip");
    out += (out.empty() ? "" : ",") + (ip.empty() ? text(address, "/hostname") : ip);
  }
  return out;
}

std::string ingress_ports(const Json& o) { return list(o, "/spec/tls").empty() ? "80" : "80, 443"; }

std::string role_of_binding(const Json& o) {
  return text(o, "/roleRef/kind") + "/" + text(o, "/roleRef/name");
}

std::string subjects_of_kind(const Json& o, std::string_view kind) {
  std::string out;
  for (const Json& subject : list(o, "/subjects")) {
    if (text(subject, "/kind") == kind) {
      const std::string ns = kind == "ServiceAccount" ? text(subject, "/namespace") + "/" : "";
      out += (out.empty() ? "" : ", ") + ns + text(subject, "/name");
    }
  }
  return out;
}
std::string users(const Json& o) { return subjects_of_kind(o, "User"); }
std::string groups(const Json& o) { return subjects_of_kind(o, "Group"); }
std::string accounts(const Json& o) { return subjects_of_kind(o, "ServiceAccount"); }

// "cpu: 0/4, pods: 3/10", which a lab does not count, of the amounts that begin with "limits.", or of all others.
std::string quota_amounts(const Json& o, bool is_limits) {
  std::string out;
  const Json& hard = at(o, "/status/hard");
  if (!hard.is_object()) {
    return out;
  }
  for (const auto& [name, amount] : hard.items()) {
    if (name.starts_with("limits.") == is_limits) {
      const std::string wanted = amount.is_string() ? amount.get<std::string>() : amount.dump();
      std::string pointer = name;
      for (size_t slash = pointer.find('/'); slash != std::string::npos;
           slash = pointer.find('/', slash + 2)) {
        pointer.replace(slash, 1, "~1");
      }
      out +=
          (out.empty() ? "" : ", ") + name + ": " + text_or(o, "/status/used/" + pointer, "0") + "/" + wanted;
    }
  }
  return out;
}
std::string quota_requests(const Json& o) { return quota_amounts(o, false); }
std::string quota_limits(const Json& o) { return quota_amounts(o, true); }

const PolicyColumn kAge{"AGE"};

}  // namespace

std::vector<PolicyColumn> policy_columns(std::string_view kind) {
  if (kind == "PodDisruptionBudget") {
    return {{"MIN AVAILABLE", min_available},
            {"MAX UNAVAILABLE", max_unavailable},
            {"ALLOWED DISRUPTIONS", allowed_disruptions},
            kAge};
  }
  if (kind == "HorizontalPodAutoscaler") {
    return {{"REFERENCE", scale_target}, {"TARGETS", scale_metrics}, {"MINPODS", min_pods},
            {"MAXPODS", max_pods},       {"REPLICAS", scaled_pods},  kAge};
  }
  if (kind == "PriorityClass") {
    return {{"VALUE", priority_value},
            {"GLOBAL-DEFAULT", is_global_default},
            kAge,
            {"PREEMPTIONPOLICY", preemption_policy}};
  }
  if (kind == "ResourceQuota") {
    return {{"REQUEST", quota_requests}, {"LIMIT", quota_limits}, kAge};
  }
  if (kind == "LimitRange" || kind == "Role" || kind == "ClusterRole") {
    return {{"CREATED AT", created_at}};
  }
  if (kind == "RoleBinding" || kind == "ClusterRoleBinding") {
    return {{"ROLE", role_of_binding},
            kAge,
            {"USERS", users, true},
            {"GROUPS", groups, true},
            {"SERVICEACCOUNTS", accounts, true}};
  }
  if (kind == "IngressClass") {
    return {{"CONTROLLER", class_controller}, {"PARAMETERS", class_parameters}, kAge};
  }
  if (kind == "Ingress") {
    return {{"CLASS", ingress_class},
            {"HOSTS", ingress_hosts},
            {"ADDRESS", ingress_addresses},
            {"PORTS", ingress_ports},
            kAge};
  }
  if (kind == "NetworkPolicy") {
    return {{"POD-SELECTOR", policy_pods}, kAge};
  }
  if (kind == "Lease") {
    return {{"HOLDER", holder}, kAge};
  }
  if (kind == "RuntimeClass") {
    return {{"HANDLER", handler}, kAge};
  }
  if (kind == "ValidatingWebhookConfiguration" || kind == "MutatingWebhookConfiguration") {
    return {{"WEBHOOKS", webhooks}, kAge};
  }
  return {};
}

}  // namespace labctl::report
