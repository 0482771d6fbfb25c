#include "topology/manifest/pod_selection.hpp"

#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/kinds/service_rules.hpp"
#include "topology/manifest/yaml/tree_values.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace labctl::manifest {
namespace {

// Labels that controllers give the pods they make: no template has them.
constexpr std::array<std::string_view, 10> kMadeLabels{"apps.kubernetes.io/pod-index",
                                                       "batch.kubernetes.io/controller-uid",
                                                       "batch.kubernetes.io/job-completion-index",
                                                       "batch.kubernetes.io/job-name",
                                                       "controller-revision-hash",
                                                       "controller-uid",
                                                       "job-name",
                                                       "pod-template-generation",
                                                       "pod-template-hash",
                                                       "statefulset.kubernetes.io/pod-name"};

// A pod, or who makes pods of a template.
struct PodSource {
  const Record* record = nullptr;
  model::Labels labels;
  Place spec;  // to be read only: the way to it is gone
};

using Sources = std::vector<const PodSource*>;

std::vector<PodSource> pod_sources(const std::vector<Record>& records) {
  std::vector<PodSource> sources;
  for (const Record& record : records) {
    with_pod_template(record, [&](const Place& pod) {
      const Place metadata = pod.field("metadata");
      Place spec = pod.field("spec");
      spec.parent = nullptr;
      sources.push_back({&record, labels_at(metadata.field("labels")), spec});
    });
  }
  return sources;
}

std::string label_in_words(const std::string& key, const std::string& value) {
  return key + ": " + (value.empty() ? "\"\"" : value);
}

std::string name_in_words(const Record& record) {
  return std::string(record.kind->name) + " " + in_quotes(record.name);
}

// The selector's labels that a template can have.
model::Labels own_labels(model::Labels labels) {
  std::erase_if(labels, [](const auto& label) {
    return std::find(kMadeLabels.begin(), kMadeLabels.end(), label.first) != kMadeLabels.end();
  });
  return labels;
}

bool has_label(const PodSource& pod, const std::pair<const std::string, std::string>& label) {
  const auto found = pod.labels.find(label.first);
  return found != pod.labels.end() && found->second == label.second;
}

// The pods of that namespace that have most of the labels, and the first label that they lack.
std::string nearest_pods(const std::vector<PodSource>& pods, std::string_view ns,
                         const model::Labels& wanted) {
  const PodSource* best = nullptr;
  long most = 0;
  for (const PodSource& pod : pods) {
    const auto same =
        std::count_if(wanted.begin(), wanted.end(), [&](const auto& label) { return has_label(pod, label); });
    const bool has_key = std::any_of(wanted.begin(), wanted.end(),
                                     [&](const auto& label) { return pod.labels.contains(label.first); });
    if (pod.record->ns == ns && has_key && (best == nullptr || same > most)) {
      best = &pod;
      most = same;
    }
  }
  if (best == nullptr) {
    return "pods, or templates, need these labels";
  }
  for (const auto& label : wanted) {
    if (!has_label(*best, label)) {
      const auto own = best->labels.find(label.first);
      return name_in_words(*best->record) + " has " +
             (own == best->labels.end() ? "no " + label.first : label_in_words(own->first, own->second));
    }
  }
  return {};
}

class SelectionCheck {
 public:
  SelectionCheck(const std::vector<Record>& records, const HostProgramRules& rules, Findings& findings)
      : pods_(pod_sources(records)), rules_(rules), findings_(findings) {}

  void check_service(const Record& record) {
    const Place spec = record.place.field("spec");
    const Place selector = spec.field("selector");
    const model::Labels all = labels_at(selector);
    if (all.empty() || type_of_service(spec) == "ExternalName") {
      return;
    }
    const Sources selected =
        selected_by({own_labels(all), {}}, record, selector, ", so the Service has no endpoints");
    if (selected.empty()) {
      return;
    }
    const ClusterIps ips(spec);
    const Place ports = spec.field("ports");
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const Place port = ports.item(i);
      check_port(port, selected, ips.is_none());
    }
  }

  // An empty selector takes all pods of the namespace, none no pod.
  void check_budget(const Record& record) {
    const Place spec = record.place.field("spec");
    const Place selector = spec.field("selector");
    model::LabelSelector wanted = selector_at(selector);
    if (selector && wanted != model::LabelSelector{}) {
      wanted.match_labels = own_labels(std::move(wanted.match_labels));
      selected_by(wanted, record, selector, ", so it guards none");
    }
  }

 private:
  Sources selected_by(const model::LabelSelector& wanted, const Record& record, const Place& selector,
                      const char* consequence) {
    Sources selected;
    const PodSource* elsewhere = nullptr;
    for (const PodSource& pod : pods_) {
      if (!wanted.matches(pod.labels)) {
        continue;
      }
      if (pod.record->ns == record.ns) {
        selected.push_back(&pod);
      } else if (elsewhere == nullptr) {
        elsewhere = &pod;
      }
    }
    if (selected.empty()) {
      findings_.warning(
          selector, "no pod of the files has these labels in namespace " + in_quotes(record.ns) + consequence,
          elsewhere == nullptr
              ? nearest_pods(pods_, record.ns, wanted.match_labels)
              : name_in_words(*elsewhere->record) + " has them in namespace " + elsewhere->record->ns +
                    ", and only those of its own namespace are selected");
    }
    return selected;
  }

  void check_port(const Place& port, const Sources& selected, bool is_headless) {
    const Place written = port.field("protocol");
    const std::string_view protocol = written ? written.text() : "TCP";
    const Place target = port.field("targetPort");
    const Place own = port.field("port");
    if (!target.text().empty()) {
      check_named(target, protocol, selected);
      return;
    }
    const Place& number = integer_at(target).value_or(0) != 0 ? target : own;
    const std::int64_t wanted = integer_at(number).value_or(0);
    const bool is_served = std::any_of(selected.begin(), selected.end(), [&](const PodSource* pod) {
      return may_serve(*pod, wanted, protocol);
    });
    // Of a headless Service the port is what its records say, and nothing is sent to it.
    if (!is_served && !is_headless) {
      findings_.warning(number,
                        "nothing listens on port " + std::to_string(wanted) + "/" + std::string(protocol) +
                            " of " + name_in_words(*selected.front()->record) +
                            ": its image is stood in for, and neither declares nor probes it",
                        "add {containerPort: " + std::to_string(wanted) +
                            (protocol == "TCP" ? "" : ", protocol: " + std::string(protocol)) +
                            "} to the container's ports, or send to one that it has");
    }
  }

  void check_named(const Place& target, std::string_view protocol, const Sources& selected) {
    std::set<std::string_view> names;
    for (const PodSource* pod : selected) {
      with_containers(*pod, [&](const Place& container) {
        with_ports(container, [&](const Place& port) {
          const std::string_view own = port.field("protocol").text();
          if ((own.empty() ? "TCP" : own) == protocol) {
            names.insert(port.field("name").text());
          }
        });
      });
    }
    names.erase("");
    if (!names.contains(target.text())) {
      findings_.warning(target,
                        "no container of " + name_in_words(*selected.front()->record) + " has a " +
                            std::string(protocol) + " port named " + in_quotes(target.text()) +
                            ", so the Service has no endpoints there",
                        names.empty() ? "name a port of the container so, or write its number"
                                      : "named are " + some_of({names.begin(), names.end()}));
    }
  }

  bool may_serve(const PodSource& pod, std::int64_t wanted, std::string_view protocol) const {
    bool may = truth_at(pod.spec.field("hostNetwork"), false);
    with_containers(pod, [&](const Place& container) {
      may = may || !is_stood_in_for(rules_, container.field("image").text()) ||
            (protocol == "TCP" && asks_for(container, wanted));
      with_ports(container, [&](const Place& port) {
        const std::string_view own = port.field("protocol").text();
        may = may ||
              ((own.empty() ? "TCP" : own) == protocol && integer_at(port.field("containerPort")) == wanted);
      });
    });
    return may;
  }

  // A stand-in serves what its probes and hooks ask for, unless they are taken as written.
  bool asks_for(const Place& container, std::int64_t wanted) const {
    if (rules_.policy.stand_in_probes != model::StandInProbes::Answered) {
      return false;
    }
    bool asks = false;
    const auto look = [&](const Place& action) {
      for (const char* kind : {"httpGet", "tcpSocket", "grpc"}) {
        const Place of_kind = action.field(kind);
        asks = asks || integer_at(of_kind.field("port")) == wanted;
      }
    };
    for (const char* name : {"startupProbe", "readinessProbe", "livenessProbe"}) {
      const Place probe = container.field(name);
      look(probe);
    }
    const Place lifecycle = container.field("lifecycle");
    for (const char* name : {"postStart", "preStop"}) {
      const Place hook = lifecycle.field(name);
      look(hook);
    }
    return asks;
  }

  // Those that stay: init containers only if they are sidecars.
  template <typename Look>
  static void with_containers(const PodSource& pod, Look look) {
    for (const char* list : {"initContainers", "containers"}) {
      const Place containers = pod.spec.field(list);
      for (std::size_t i = 0; i < containers.size(); ++i) {
        const Place container = containers.item(i);
        if (list[0] == 'c' || container.field("restartPolicy").text() == "Always") {
          look(container);
        }
      }
    }
  }

  template <typename Look>
  static void with_ports(const Place& container, Look look) {
    const Place ports = container.field("ports");
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const Place port = ports.item(i);
      look(port);
    }
  }

  const std::vector<PodSource> pods_;
  const HostProgramRules& rules_;
  Findings& findings_;
};

}  // namespace

void check_pod_selection(const std::vector<Record>& records, const HostProgramRules& rules,
                         Findings& findings) {
  SelectionCheck check(records, rules, findings);
  for (const Record& record : records) {
    if (!record.is_sound) {
      continue;
    }
    if (record.kind->schema == &kService) {
      check.check_service(record);
    } else if (record.kind->schema == &kPodDisruptionBudget) {
      check.check_budget(record);
    }
  }
}

}  // namespace labctl::manifest
