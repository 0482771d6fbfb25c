#include "labctl/api/resource_kinds.hpp"

#include "labctl/api/uri.hpp"
#include "topology/base/error.hpp"
#include "topology/base/nearest.hpp"
#include "topology/model/place.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace labctl::api {
namespace {

constexpr std::string_view kNetworking = "networking.k8s.io/v1";
constexpr std::string_view kRbac = "rbac.authorization.k8s.io/v1";
constexpr std::string_view kAdmission = "admissionregistration.k8s.io/v1";

constexpr std::array kKinds{
    ResourceKind{"Namespace", "namespaces", "namespace", "ns", "v1", false},
    ResourceKind{"Node", "nodes", "node", "no", "v1", false},
    ResourceKind{"Pod", "pods", "pod", "po", "v1", true},
    ResourceKind{"Deployment", "deployments", "deployment", "deploy", "apps/v1", true},
    ResourceKind{"ReplicaSet", "replicasets", "replicaset", "rs", "apps/v1", true},
    ResourceKind{"StatefulSet", "statefulsets", "statefulset", "sts", "apps/v1", true},
    ResourceKind{"DaemonSet", "daemonsets", "daemonset", "ds", "apps/v1", true},
    ResourceKind{"Job", "jobs", "job", "", "batch/v1", true},
    ResourceKind{"CronJob", "cronjobs", "cronjob", "cj", "batch/v1", true},
    ResourceKind{"Service", "services", "service", "svc", "v1", true},
    ResourceKind{"Endpoints", "endpoints", "endpoints", "ep", "v1", true},
    ResourceKind{"EndpointSlice", "endpointslices", "endpointslice", "", "discovery.k8s.io/v1", true},
    ResourceKind{"ConfigMap", "configmaps", "configmap", "cm", "v1", true, false},
    ResourceKind{"Secret", "secrets", "secret", "", "v1", true, false},
    ResourceKind{"ServiceAccount", "serviceaccounts", "serviceaccount", "sa", "v1", true, false},
    ResourceKind{"PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", "pvc", "v1",
                 true, false},
    ResourceKind{"PersistentVolume", "persistentvolumes", "persistentvolume", "pv", "v1", false, false},
    ResourceKind{"StorageClass", "storageclasses", "storageclass", "sc", "storage.k8s.io/v1", false, false},
    ResourceKind{"NetworkPolicy", "networkpolicies", "networkpolicy", "netpol", kNetworking, true, false},
    ResourceKind{"Ingress", "ingresses", "ingress", "ing", kNetworking, true, false},
    ResourceKind{"IngressClass", "ingressclasses", "ingressclass", "", kNetworking, false, false},
    ResourceKind{"PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", "pdb", "policy/v1",
                 true, false},
    ResourceKind{"HorizontalPodAutoscaler", "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa",
                 "autoscaling/v2", true, true},
    ResourceKind{"PriorityClass", "priorityclasses", "priorityclass", "pc", "scheduling.k8s.io/v1", false,
                 false},
    ResourceKind{"ResourceQuota", "resourcequotas", "resourcequota", "quota", "v1", true, false},
    ResourceKind{"LimitRange", "limitranges", "limitrange", "limits", "v1", true, false},
    ResourceKind{"Role", "roles", "role", "", kRbac, true, false},
    ResourceKind{"ClusterRole", "clusterroles", "clusterrole", "", kRbac, false, false},
    ResourceKind{"RoleBinding", "rolebindings", "rolebinding", "", kRbac, true, false},
    ResourceKind{"ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding", "", kRbac, false, false},
    ResourceKind{"Lease", "leases", "lease", "", "coordination.k8s.io/v1", true, false},
    ResourceKind{"RuntimeClass", "runtimeclasses", "runtimeclass", "", "node.k8s.io/v1", false, false},
    ResourceKind{"ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
                 "validatingwebhookconfiguration", "", kAdmission, false, false},
    ResourceKind{"MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
                 "mutatingwebhookconfiguration", "", kAdmission, false, false},
    ResourceKind{"Event", "events", "event", "ev", "v1", true},
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0;;) {
    const size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    if (end == std::string_view::npos) {
      return parts;
    }
    at = end + 1;
  }
}

// "apps" of "apps/v1"; empty for the core group.
std::string_view group_of(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view{} : api_version.substr(0, slash);
}

std::string_view version_of(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
}

// "/api/v1" or "/apis/apps/v1".
std::string root_path(const ResourceKind& kind) {
  return (group_of(kind.api_version).empty() ? "/api/" : "/apis/") + std::string(kind.api_version);
}

const ResourceKind* find_plural(std::string_view api_version, std::string_view plural) {
  const auto* it = std::find_if(kKinds.begin(), kKinds.end(), [&](const ResourceKind& kind) {
    return kind.api_version == api_version && kind.plural == plural;
  });
  return it == kKinds.end() ? nullptr : &*it;
}

Error bad_ref(std::string_view text) {
  return Error(ErrorKind::InvalidInput, "resource \"" + std::string(text) + "\": not of the form KIND/NAME",
               "such as pod/web-0, deploy/web or default/pod/web-0");
}

}  // namespace

std::span<const ResourceKind> resource_kinds() { return kKinds; }

const ResourceKind* find_resource(std::string_view word) {
  const std::string wanted = lower(word);
  const size_t dot = wanted.find('.');
  const std::string name = wanted.substr(0, dot);
  for (const ResourceKind& kind : kKinds) {
    if (name.empty() || (name != kind.plural && name != kind.singular && name != kind.short_name)) {
      continue;
    }
    if (dot == std::string::npos) {
      return &kind;
    }
    const std::string suffix = wanted.substr(dot + 1);
    if (suffix.empty()) {
      continue;
    }
    const std::string group(group_of(kind.api_version));
    const std::string version(version_of(kind.api_version));
    if (suffix == group || suffix == version + "." + group || (group.empty() && suffix == version)) {
      return &kind;
    }
  }
  return nullptr;
}

const ResourceKind* find_kind(std::string_view api_version, std::string_view kind) {
  const auto* it = std::find_if(kKinds.begin(), kKinds.end(), [&](const ResourceKind& row) {
    return row.api_version == api_version && row.kind == kind;
  });
  return it == kKinds.end() ? nullptr : &*it;
}

std::string collection_path(const ResourceKind& kind, std::string_view ns) {
  std::string path = root_path(kind);
  if (kind.namespaced && !ns.empty()) {
    path += "/namespaces/" + percent_encode(ns);
  }
  return path + "/" + std::string(kind.plural);
}

std::string object_path(const ResourceKind& kind, std::string_view ns, std::string_view name) {
  return collection_path(kind, ns) + "/" + percent_encode(name);
}

std::optional<ResourcePath> parse_resource_path(std::string_view path) {
  // No name has a NUL, and none can be written: parse_target refuses it.
  if (path.empty() || path.front() != '/' || path.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::vector<std::string_view> parts = split(path.substr(1), '/');
  size_t next = 0;
  std::string api_version;
  if (parts[0] == "api" && parts.size() >= 3) {
    api_version = parts[1];
    next = 2;
  } else if (parts[0] == "apis" && parts.size() >= 4) {
    api_version = std::string(parts[1]) + "/" + std::string(parts[2]);
    next = 3;
  } else {
    return std::nullopt;
  }
  ResourcePath out;
  // "namespaces/NS/PLURAL" is inside a namespace, "namespaces/NS" and
  // "namespaces/NS/status" are the Namespace.
  if (parts[next] == "namespaces" && parts.size() > next + 2 &&
      find_plural(api_version, parts[next + 2]) != nullptr) {
    out.ns = parts[next + 1];
    next += 2;
    if (out.ns.empty()) {
      return std::nullopt;
    }
  }
  out.kind = find_plural(api_version, parts[next]);
  if (out.kind == nullptr || (!out.ns.empty() && !out.kind->namespaced) || parts.size() > next + 3) {
    return std::nullopt;
  }
  if (parts.size() > next + 1) {
    out.name = parts[next + 1];
    if (out.name.empty() || (out.kind->namespaced && out.ns.empty())) {
      return std::nullopt;
    }
  }
  if (parts.size() > next + 2) {
    out.subresource = parts[next + 2];
    if (out.subresource.empty()) {
      return std::nullopt;
    }
  }
  return out;
}

ResourceRef parse_resource_ref(std::string_view text, std::string_view default_namespace) {
  const std::vector<std::string_view> parts = split(text, '/');
  if (parts.size() < 2 || parts.size() > 3 ||
      std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); })) {
    throw bad_ref(text);
  }
  // With three parts the kind is the second word as kubectl's users say it ("default/pod/x"), or the first as
  // vantages have it ("pod/default/x"); a namespace called "pod" loses to the vantage form.
  ResourceRef ref;
  ref.ns = default_namespace;
  ref.name = parts.back();
  std::string_view word = parts[0];
  ref.kind = find_resource(word);
  if (parts.size() == 3) {
    if (ref.kind != nullptr) {
      ref.ns = parts[1];
    } else {
      word = parts[1];
      ref.kind = find_resource(word);
      ref.ns = parts[0];
    }
  }
  if (ref.kind == nullptr) {
    const std::string near = nearest_resource(word);
    throw Error(ErrorKind::InvalidInput,
                "resource \"" + std::string(text) + "\": no kind \"" + std::string(word) + "\"",
                near.empty() ? "`labctl get --help` lists the kinds" : "did you mean " + near + "?");
  }
  if (!ref.kind->namespaced) {
    ref.ns.clear();
  }
  return ref;
}

std::string parse_vantage(std::string_view text, std::string_view default_namespace) {
  const auto place = model::parse_short_place(text, default_namespace);
  if (!place) {
    throw Error(ErrorKind::InvalidInput, "\"" + std::string(text) + "\" names no place in the lab",
                "use POD, pod/NAMESPACE/POD, node/NODE or outside/HOST");
  }
  return to_string(*place);
}

std::string nearest_resource(std::string_view word) {
  std::vector<std::string_view> names;
  for (const ResourceKind& kind : kKinds) {
    names.insert(names.end(), {kind.plural, kind.singular});
  }
  return nearest(lower(word), names);
}

}  // namespace labctl::api
