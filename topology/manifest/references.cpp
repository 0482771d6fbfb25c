#include "topology/manifest/references.hpp"

#include "topology/manifest/scheduling_check.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/pod.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace labctl::manifest {
namespace {

std::string place_in_words(const SourcePosition& position) {
  return position.file + ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
}

std::vector<std::string_view> names_of(const KnownNodes& known) {
  std::vector<std::string_view> names;
  for (const model::Node& node : known.nodes) {
    names.push_back(node.name);
  }
  return names;
}

void check_full_hostname(const Place& spec, const Record& record, const KnownNodes& known,
                         Findings& findings) {
  const Place subdomain = spec.field("subdomain");
  if (!truth_at(spec.field("setHostnameAsFQDN"), false) || !subdomain ||
      truth_at(spec.field("hostNetwork"), false)) {
    return;
  }
  std::string_view hostname = spec.field("hostname").text();
  if (hostname.empty()) {
    hostname = std::string_view(record.name).substr(0, 63);
  }
  const std::string full = std::string(hostname) + "." + std::string(subdomain.text()) + "." + record.ns +
                           ".svc." + known.cluster_domain;
  if (full.size() > model::kKernelHostnameMax) {
    findings.warning(spec.field("setHostnameAsFQDN"),
                     "the host name would have " + std::to_string(full.size()) +
                         " characters, the kernel takes " + std::to_string(model::kKernelHostnameMax) +
                         ", so the pod will not start: " + in_quotes(full),
                     "shorten hostname or subdomain, or leave setHostnameAsFQDN out");
  }
}

void check_pod(const Place& spec, const Record& record, const KnownNodes& known, Findings& findings) {
  check_full_hostname(spec, record, known, findings);
  if (known.nodes.empty()) {
    return;
  }
  const Place node_name = spec.field("nodeName");
  const std::vector<std::string_view> names = names_of(known);
  if (node_name && std::find(names.begin(), names.end(), node_name.text()) == names.end()) {
    const std::string near = findings.has_room() ? nearest(node_name.text(), names) : "";
    findings.error(node_name, "the cluster has no node " + in_quotes(node_name.text()),
                   near.empty() ? "nodes are " + some_of(names) : "did you mean " + near + "?");
  }
  check_scheduling_of(spec, record, known, findings);
}

bool makes_pods(const Kind& kind) {
  return kind.api_version == "apps/v1" || kind.schema == &kJob || kind.schema == &kCronJob;
}

}  // namespace

void with_pod_template(const Record& record, const std::function<void(const Place& pod)>& look) {
  if (record.kind->schema == &kPod) {
    return look(record.place);
  }
  if (!makes_pods(*record.kind)) {
    return;
  }
  const Place spec = record.place.field("spec");
  const Place job_template = spec.field("jobTemplate");
  const Place job = job_template.field("spec");
  const Place pod_template =
      record.kind->schema == &kCronJob ? job.field("template") : spec.field("template");
  if (pod_template) {
    look(pod_template);
  }
}

void with_pod_spec(const Record& record, const std::function<void(const Place& pod)>& look) {
  with_pod_template(record, [&](const Place& pod) {
    if (const Place spec = pod.field("spec")) {
      look(spec);
    }
  });
}

void settle_duplicates(std::vector<Record>& records, Findings& findings) {
  using Key = std::tuple<std::string_view, std::string_view, std::string_view>;
  std::map<Key, Record*> last_of;
  for (Record& record : records) {
    if (record.name.empty() || record.kind->schema == &kCluster) {
      continue;  // a second Cluster is told of whatever its name
    }
    const auto [known, is_new] = last_of.emplace(Key{record.kind->name, record.ns, record.name}, &record);
    if (is_new) {
      continue;
    }
    Record& before = *std::exchange(known->second, &record);
    const Place metadata = record.place.field("metadata");
    const std::string what = "a second " + std::string(record.kind->name) + " " +
                             in_quotes((record.ns.empty() ? "" : record.ns + "/") + record.name);
    const std::string where = place_in_words(findings.position(before.place));
    if (record.kind->support == Support::Lab) {
      findings.error(metadata.field("name"), what, "the first is at " + where + "; rename or remove one");
    } else {
      before.is_replaced = true;
      findings.warning(metadata.field("name"), what + ": it takes the place of the one at " + where,
                       "as when kubectl applies one after the other; remove one, if that is not meant");
    }
  }
  std::erase_if(records, [](const Record& record) { return record.is_replaced; });
}

void check_namespaces(const std::vector<Record>& records, const std::set<std::string>& known,
                      Findings& findings) {
  std::set<std::string, std::less<>> all(known.begin(), known.end());
  all.insert(model::kBornNamespaces.begin(), model::kBornNamespaces.end());
  for (const Record& record : records) {
    if (record.kind->name == "Namespace") {
      all.insert(record.name);
    }
  }
  for (const Record& record : records) {
    if (record.ns.empty() || all.count(record.ns) > 0) {
      continue;
    }
    const std::string near = findings.has_room() ? nearest(record.ns, {all.begin(), all.end()}) : "";
    const Place metadata = record.place.field("metadata");
    findings.error(metadata.field("namespace"), "there is no namespace " + in_quotes(record.ns),
                   near.empty() ? "add {apiVersion: v1, kind: Namespace, metadata: {name: " + record.ns + "}}"
                                : "did you mean " + near + "? Else add a Namespace object of that name");
  }
}

void check_priority_classes(const std::vector<Record>& records, bool is_whole, Findings& findings) {
  if (!is_whole) {
    return;
  }
  std::set<std::string_view> known;
  for (const model::SystemPriority& system : model::kSystemPriorities) {
    known.insert(system.name);
  }
  for (const Record& record : records) {
    if (record.kind->schema == &kPriorityClass) {
      known.insert(record.name);
    }
  }
  for (const Record& record : records) {
    const Place spec = record.place.field("spec");
    const Place pod_template = spec.field("template");
    const Place inner = pod_template.field("spec");
    const bool is_pod = record.kind->schema == &kPod;
    if (!record.is_sound || (!is_pod && record.kind->api_version != "apps/v1")) {
      continue;
    }
    const Place name = (is_pod ? spec : inner).field("priorityClassName");
    if (name.text().empty() || known.contains(name.text())) {
      continue;
    }
    const std::string why = "no PriorityClass with name " + std::string(name.text()) + " was found";
    if (is_pod) {
      findings.error(name, "is forbidden: " + why, "add that PriorityClass, or leave the name out");
    } else {
      findings.warning(name, why + ", so no pod will be made",
                       "add that PriorityClass, or leave the name out");
    }
  }
}

void check_nodes(const std::vector<Record>& records, const KnownNodes& known, Findings& findings) {
  const std::vector<std::string_view> names = names_of(known);
  for (const Record& record : records) {
    if (record.kind->name == "Node" && !names.empty() && !record.name.empty() &&
        std::find(names.begin(), names.end(), record.name) == names.end()) {
      const std::string near = findings.has_room() ? nearest(record.name, names) : "";
      const Place metadata = record.place.field("metadata");
      findings.error(metadata.field("name"), "the cluster has no node " + in_quotes(record.name),
                     near.empty() ? "a Node object labels a node of the Cluster; those are " + some_of(names)
                                  : "did you mean " + near + "?");
    }
    if (!record.is_sound) {
      continue;
    }
    with_pod_spec(record, [&](const Place& pod) { check_pod(pod, record, known, findings); });
  }
}

}  // namespace labctl::manifest
