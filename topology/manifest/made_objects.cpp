#include "topology/manifest/made_objects.hpp"

#include "topology/manifest/kinds/api_groups.hpp"
#include "topology/manifest/yaml/tree_values.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

namespace labctl::manifest {
namespace {

// By group, kind, namespace and name: versions of one group are one object.
using Identity = std::tuple<std::string, std::string, std::string, std::string>;

Identity identity_of(const Record& record) {
  return {std::string(group_of(record.kind->api_version)), std::string(record.kind->name), record.ns,
          record.name};
}

bool has_label(const Place& metadata, std::string_view key, std::string_view value) {
  const Place labels = metadata ? metadata.field("labels") : Place{};
  if (!labels || !labels.node->is_mapping()) {
    return false;
  }
  const Place label = labels.field(key);
  return label && label.text() == value;
}

bool is_made_by(const Record& record, const std::set<Identity>& all) {
  const Place metadata = record.place.field("metadata");
  const Place owners = metadata ? metadata.field("ownerReferences") : Place{};
  for (size_t i = 0; i < owners.size(); ++i) {
    const Place owner = owners.item(i);
    if (!owner || !owner.node->is_mapping()) {
      continue;
    }
    const Place controller = owner.field("controller");
    const Place api_version = owner.field("apiVersion");
    const Place kind = owner.field("kind");
    const Place name = owner.field("name");
    if (truth_at(controller, false) && api_version && kind && name &&
        all.contains({std::string(group_of(api_version.text())), std::string(kind.text()), record.ns,
                      std::string(name.text())})) {
      return true;
    }
  }
  return false;
}

// As an API server writes it; another one of that name is the user's.
bool is_api_service(const Record& record) {
  const Place metadata = record.place.field("metadata");
  return record.kind->schema == &kService && record.ns == model::kDefaultNamespace &&
         record.name == model::kKubernetesService && has_label(metadata, "provider", "kubernetes") &&
         has_label(metadata, "component", "apiserver");
}

bool is_api_endpoint(const Record& record) {
  const Place metadata = record.place.field("metadata");
  return record.ns == model::kDefaultNamespace &&
         ((record.kind->schema == &kEndpoints && record.name == model::kKubernetesService) ||
          (record.kind->schema == &kEndpointSlice &&
           has_label(metadata, model::kServiceNameLabel, model::kKubernetesService)));
}

bool is_dns(const Record& record) {
  if (record.ns != model::kSystemNamespace) {
    return false;
  }
  const Place metadata = record.place.field("metadata");
  if (record.kind->schema == &kService || record.kind->schema == &kEndpoints) {
    return record.name == model::kDnsService;
  }
  if (record.kind->schema == &kEndpointSlice) {
    return has_label(metadata, model::kServiceNameLabel, model::kDnsService);
  }
  if (record.kind->schema == &kPod) {
    return has_label(metadata, model::kDnsLabel, model::kDnsService);
  }
  const Place spec = record.place.field("spec");
  const Place pod_template = spec ? spec.field("template") : Place{};
  const Place template_metadata = pod_template ? pod_template.field("metadata") : Place{};
  return has_label(template_metadata, model::kDnsLabel, model::kDnsService);
}

void say(const Record& record, const std::string& what, std::string hint, Findings& findings) {
  findings.repeated(record.place.field("kind"),
                    {"made " + what, "left out: " + what, std::move(hint), false, false});
}

}  // namespace

void leave_out_made_objects(std::vector<Record>& records, bool has_dns, Findings& findings) {
  std::set<Identity> all;
  for (const Record& record : records) {
    all.insert(identity_of(record));
  }
  const bool has_api_service = std::any_of(records.begin(), records.end(), is_api_service);
  std::erase_if(records, [&](const Record& record) {
    if (has_dns && is_dns(record)) {
      say(record, "the lab has DNS servers of its own",
          "dns: {enabled: false} in the Cluster boots those of the files instead", findings);
    } else if (is_made_by(record, all)) {
      say(record, "its owner is in the files and makes it again", {}, findings);
    } else if (has_api_service && (is_api_service(record) || is_api_endpoint(record))) {
      say(record, "every lab makes the Service kubernetes by itself", {}, findings);
    } else {
      return false;
    }
    return true;
  });
}

}  // namespace labctl::manifest
