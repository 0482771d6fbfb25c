#include "topology/manifest/object_references.hpp"

#include "topology/manifest/kinds/api_refusals.hpp"
#include "topology/manifest/known_objects.hpp"
#include "topology/model/well_known.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace labctl::manifest {
namespace {

constexpr std::string_view kServiceKind = "Service";

class ReferenceChecks {
 public:
  ReferenceChecks(const std::vector<Record>& records, Findings& findings)
      : known_(records), findings_(findings) {
    for (const Record& record : records) {
      if (record.kind->name == kServiceKind) {
        services_.emplace(std::pair(std::string_view(record.ns), std::string_view(record.name)), &record);
      }
    }
  }

  void check(const Record& record) {
    const Place spec = record.place.field("spec");
    with_pod_spec(record, [&](const Place& pod) { check_account(pod, record); });
    if (record.kind->schema == &kStatefulSet) {
      const Place name = spec.field("serviceName");
      if (!name.text().empty() && !known_.has(kServiceKind, record.ns, name.text())) {
        known_.warn_of_missing(kServiceKind, record.ns, name, "its pods have no names of their own in DNS",
                               findings_);
      }
    } else if (record.kind->name == "HorizontalPodAutoscaler") {
      const Place target = spec.field("scaleTargetRef");
      check_scaled(target, record);
    } else if (record.kind->schema == &kIngress) {
      check_ingress(spec, record);
    }
  }

 private:
  // Every namespace has `default`; those of controllers, in kube-system, a cluster makes by itself.
  void check_account(const Place& pod, const Record& record) {
    Place name = pod.field("serviceAccountName");
    name = name.text().empty() ? pod.field("serviceAccount") : name;
    if (!name.text().empty() && name.text() != "default" && record.ns != model::kSystemNamespace &&
        !known_.has("ServiceAccount", record.ns, name.text())) {
      known_.warn_of_missing("ServiceAccount", record.ns, name,
                             "a cluster would make no pod (it has no effect here)", findings_);
    }
  }

  void check_scaled(const Place& target, const Record& record) {
    const std::string_view kind = target.field("kind").text();
    const Place name = target.field("name");
    const Kind* known = find_kind(target.field("apiVersion").text(), kind);
    const bool is_scaled =
        known != nullptr &&
        (known->schema == &kDeployment || known->schema == &kReplicaSet || known->schema == &kStatefulSet);
    if (is_scaled && !known_.has(kind, record.ns, name.text())) {
      known_.warn_of_missing(kind, record.ns, name, "there is nothing to scale", findings_);
    }
  }

  void check_ingress(const Place& spec, const Record& record) {
    const Place other = spec.field("defaultBackend");
    check_backend(other, record);
    const Place rules = spec.field("rules");
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const Place rule = rules.item(i);
      const Place http = rule.field("http");
      const Place paths = http.field("paths");
      for (std::size_t j = 0; j < paths.size(); ++j) {
        const Place path = paths.item(j);
        const Place backend = path.field("backend");
        check_backend(backend, record);
      }
    }
  }

  void check_backend(const Place& backend, const Record& record) {
    const Place service = backend.field("service");
    const Place name = service.field("name");
    if (name.text().empty()) {
      return;
    }
    const auto found = services_.find({record.ns, name.text()});
    if (found == services_.end()) {
      known_.warn_of_missing(kServiceKind, record.ns, name, "nothing answers behind the Ingress", findings_);
    } else if (const Place wanted = service.field("port"); found->second->is_sound && wanted) {
      check_backend_port(wanted, *found->second);
    }
  }

  void check_backend_port(const Place& wanted, const Record& service) {
    const Place number = wanted.field("number");
    const Place name = wanted.field("name");
    const Place spec = service.place.field("spec");
    const Place ports = spec.field("ports");
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const Place port = ports.item(i);
      if (number ? integer_at(port.field("port")) == integer_at(number)
                 : port.field("name").text() == name.text()) {
        return;
      }
    }
    const Place& at = number ? number : name;
    if (at && ports.size() > 0) {
      findings_.warning(at,
                        "the Service " + in_quotes(service.name) + " has no port " +
                            (number ? std::to_string(*integer_at(number)) : in_quotes(name.text())),
                        "write one that its spec.ports has");
    }
  }

  const KnownObjects known_;
  std::map<std::pair<std::string_view, std::string_view>, const Record*> services_;
  Findings& findings_;
};

}  // namespace

void check_object_references(const std::vector<Record>& records, Findings& findings) {
  ReferenceChecks checks(records, findings);
  for (const Record& record : records) {
    if (record.is_sound) {
      checks.check(record);
    }
  }
}

}  // namespace labctl::manifest
