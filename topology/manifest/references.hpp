#pragma once

// The rules between objects, over all files at once: names used twice,
// namespaces and nodes that do not exist.

#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/manifest/yaml/findings.hpp"
#include "topology/model/cluster.hpp"

#include <vector>

namespace labctl::manifest {

// An object as read: its place in the text, and what identifies it.
struct Record {
  Place place;
  const Kind* kind = nullptr;
  std::string ns;  // filled in; empty for kinds without one
  std::string name;
  bool is_sound = false;     // passed its schema
  bool is_replaced = false;  // by one of the same name that comes later
};

// Hands on the pod that it is, or the template of those that it makes (workloads, Jobs, CronJobs): what has their
// metadata and spec. Nothing for other kinds, or where it is absent. A Place lives no longer than those it was
// reached through.
void with_pod_template(const Record& record, const std::function<void(const Place& pod)>& look);
// Hands on the spec of the pod that it is, or of those that it makes (workloads, Jobs, CronJobs); nothing for other
// kinds, or where it is absent. A Place lives no longer than those it was reached through.
void with_pod_spec(const Record& record, const std::function<void(const Place& pod)>& look);

// The nodes that a name may mean, with all their labels. `nodes` is empty when they are not known.
struct KnownNodes {
  std::vector<model::Node> nodes;
  bool has_labels = true;  // false: only names are known
  std::string cluster_domain = "cluster.local";
};

// The last of several objects of one kind and name takes the place of the others, as when kubectl applies
// one after the other: a warning, and the others leave `records`. Scenarios of one name are an error.
void settle_duplicates(std::vector<Record>& records, Findings& findings);
void check_namespaces(const std::vector<Record>& records, const std::set<std::string>& known,
                      Findings& findings);
// Pods of a PriorityClass that is not among them, as admission refuses them: an error for a Pod, a warning for
// what would make pods. Nothing is said unless the files are all that there is (`is_whole`).
void check_priority_classes(const std::vector<Record>& records, bool is_whole, Findings& findings);
// nodeName, nodeSelector, Node objects, and the length of host names that end in the cluster's domain.
void check_nodes(const std::vector<Record>& records, const KnownNodes& known, Findings& findings);

}  // namespace labctl::manifest
