#include "topology/manifest/kinds/api_groups.hpp"

#include "topology/manifest/kinds/kinds.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace labctl::manifest {
namespace {

struct Served {
  std::string_view api_version;
  std::string_view kinds;  // blanks between them
};

// What Kubernetes serves (https://kubernetes.io/docs/reference/generated/kubernetes-api/), the kinds of a lab
// among them. Of two versions of a kind the one to write comes first.
constexpr std::array kServed{
    Served{"v1",
           "Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume "
           "PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service "
           "ServiceAccount"},
    Served{"apps/v1", "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet"},
    Served{"batch/v1", "CronJob Job"},
    Served{"autoscaling/v2", "HorizontalPodAutoscaler"},
    Served{"autoscaling/v1", "HorizontalPodAutoscaler Scale"},
    Served{"policy/v1", "Eviction PodDisruptionBudget"},
    Served{"networking.k8s.io/v1", "Ingress IngressClass IPAddress NetworkPolicy ServiceCIDR"},
    Served{"networking.k8s.io/v1beta1", "IPAddress ServiceCIDR"},
    Served{"discovery.k8s.io/v1", "EndpointSlice"},
    Served{"events.k8s.io/v1", "Event"},
    Served{"rbac.authorization.k8s.io/v1", "ClusterRole ClusterRoleBinding Role RoleBinding"},
    Served{"storage.k8s.io/v1",
           "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass"},
    Served{"storage.k8s.io/v1beta1", "VolumeAttributesClass"},
    Served{"scheduling.k8s.io/v1", "PriorityClass"},
    Served{"coordination.k8s.io/v1", "Lease"},
    Served{"coordination.k8s.io/v1beta1", "LeaseCandidate"},
    Served{"node.k8s.io/v1", "RuntimeClass"},
    Served{"admissionregistration.k8s.io/v1",
           "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
           "ValidatingWebhookConfiguration"},
    Served{"admissionregistration.k8s.io/v1beta1",
           "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding ValidatingAdmissionPolicy "
           "ValidatingAdmissionPolicyBinding"},
    Served{"apiextensions.k8s.io/v1", "CustomResourceDefinition"},
    Served{"apiregistration.k8s.io/v1", "APIService"},
    Served{"authentication.k8s.io/v1", "SelfSubjectReview TokenRequest TokenReview"},
    Served{"authorization.k8s.io/v1",
           "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview"},
    Served{"certificates.k8s.io/v1", "CertificateSigningRequest"},
    Served{"certificates.k8s.io/v1beta1", "ClusterTrustBundle"},
    Served{"flowcontrol.apiserver.k8s.io/v1", "FlowSchema PriorityLevelConfiguration"},
    Served{"resource.k8s.io/v1", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"},
    Served{"resource.k8s.io/v1beta2", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"},
    Served{"resource.k8s.io/v1beta1", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"},
};

// Groups without a version that is served.
constexpr std::array<std::string_view, 3> kOtherOwnGroups{"extensions", "internal.apiserver.k8s.io",
                                                          "storagemigration.k8s.io"};

bool has_word(std::string_view words, std::string_view wanted) {
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == wanted) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

// The apiVersion to write for `kind`: of the same group, if that has one; "" where there is none.
std::string_view served_version(std::string_view group, std::string_view kind) {
  std::string_view found;
  for (const Served& row : kServed) {
    if (has_word(row.kinds, kind)) {
      if (group_of(row.api_version) == group) {
        return row.api_version;
      }
      found = found.empty() ? row.api_version : found;
    }
  }
  for (const Kind& known : kinds()) {
    if (found.empty() && known.support == Support::Lab && known.name == kind) {
      found = known.api_version;
    }
  }
  return found;
}

// What else has to change with the version of a kind.
std::string_view changed_since(std::string_view kind) {
  return kind == "Ingress" ? "; paths take a pathType, and backends are service: {name, port}"
         : kind == "HorizontalPodAutoscaler"  ? "; a metric has its target below target:"
         : kind == "CustomResourceDefinition" ? "; each version has a schema of its own"
                                              : "";
}

std::string nearest_kind(std::string_view group, std::string_view kind) {
  std::vector<std::string_view> names;
  for (const Served& row : kServed) {
    for (size_t at = 0; group_of(row.api_version) == group && at < row.kinds.size();) {
      const size_t end = std::min(row.kinds.find(' ', at), row.kinds.size());
      names.push_back(row.kinds.substr(at, end - at));
      at = end + 1;
    }
  }
  for (const Kind& known : kinds()) {
    if (names.empty() || (known.support == Support::Lab && group_of(known.api_version) == group)) {
      names.push_back(known.name);
    }
  }
  return nearest(kind, names);
}

MissingKind no_match(std::string_view api_version, std::string_view kind) {
  MissingKind out;
  out.is_error = true;
  out.message = "no matches for kind " + in_quotes(kind) + " in version " + in_quotes(api_version);
  const std::string_view group = group_of(api_version);
  if (const std::string_view served = served_version(group, kind); !served.empty()) {
    out.is_wrong_version = true;
    out.hint = "use apiVersion: " + std::string(served) + std::string(changed_since(kind));
  } else if (kind == "PodSecurityPolicy") {
    out.hint = "Kubernetes has none since 1.25: leave it out";
  } else if (const std::string near = nearest_kind(group, kind); !near.empty()) {
    out.hint = "did you mean " + near + "?";
  } else if (group == group_of(kLabApi)) {
    out.hint = "kinds are Cluster, Scenario and Probe";
  }
  return out;
}

}  // namespace

std::string_view group_of(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view{} : api_version.substr(0, slash);
}

bool is_own_group(std::string_view group) {
  return std::find(kOtherOwnGroups.begin(), kOtherOwnGroups.end(), group) != kOtherOwnGroups.end() ||
         std::any_of(kServed.begin(), kServed.end(),
                     [&](const Served& row) { return group_of(row.api_version) == group; });
}

std::string own_groups_pattern() {
  std::string groups;
  std::string_view last;
  const auto add = [&](std::string_view group) {
    if (!group.empty() && group != last) {
      groups += groups.empty() ? "" : "|";
      for (const char c : group) {
        groups += c == '.' ? "\\." : std::string(1, c);
      }
      last = group;
    }
  };
  for (const Served& row : kServed) {
    add(group_of(row.api_version));
  }
  std::for_each(kOtherOwnGroups.begin(), kOtherOwnGroups.end(), add);
  return "^((" + groups + ")/.*|[^/]*)$";
}

MissingKind missing_kind(std::string_view api_version, std::string_view kind) {
  const std::string_view group = group_of(api_version);
  if (group == group_of(kLabApi)) {
    return no_match(api_version, kind);
  }
  if (!is_own_group(group)) {
    // Groups that are defined in a cluster are domains (ValidateCustomResourceDefinition): app/v1 is a typo.
    if (group.find('.') == std::string_view::npos) {
      return no_match(api_version, kind);
    }
    MissingKind out;
    const bool is_namesake =
        std::any_of(kinds().begin(), kinds().end(), [&](const Kind& known) { return known.name == kind; });
    out.subject = std::string(kind) + (is_namesake ? "." + std::string(group) : "");
    out.message =
        "left out: " + in_quotes(kind) + " of " + in_quotes(api_version) + " is no kind of Kubernetes itself";
    if (const std::string_view served = served_version(group, kind);
        !served.empty() && !nearest(group, {group_of(served)}).empty()) {
      out.hint = "did you mean apiVersion: " + std::string(served) + "?";
    }
    return out;
  }
  const bool is_served = std::any_of(kServed.begin(), kServed.end(), [&](const Served& row) {
    return row.api_version == api_version && has_word(row.kinds, kind);
  });
  if (!is_served) {
    return no_match(api_version, kind);
  }
  MissingKind out;
  out.subject = kind;
  out.message = "left out: a lab does not act on " + std::string(kind) + " of " + std::string(api_version);
  return out;
}

}  // namespace labctl::manifest
