#include "topology/manifest/name_check.hpp"

#include "topology/manifest/yaml/text_format.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace labctl::manifest {
namespace {

// What is called "<name of the workload>-<hash of its template>".
struct Derived {
  const Schema* schema;
  std::string_view what;
  std::size_t longest;
};
constexpr std::array kDerived{
    Derived{&kDeployment, "the name of its ReplicaSet", kSubdomainMax},
    Derived{&kDaemonSet, "the name of its ControllerRevision", kSubdomainMax},
    Derived{&kStatefulSet, "the label controller-revision-hash of its pods", kLabelMax}};

}  // namespace

std::string read_name(const Place& metadata, const Kind& kind, Findings& findings) {
  const Place name = metadata.field("name");
  const Place prefix = metadata.field("generateName");
  if (!name && prefix) {
    findings.error(prefix, "names are not made up here: the same files give the same lab",
                   "use name: " + std::string(prefix.text()) + "1");
    return {};
  }
  if (!name) {
    if (kind.name != "Cluster") {
      findings.error(name, "is required", "as in metadata: {name: NAME}");
    }
    return {};
  }
  if (!name.node->is_string()) {
    return {};
  }
  if (const auto complaint = kind.check_name(name.text())) {
    findings.error(name, complaint->message, complaint->hint);
  }
  if (prefix && prefix.node->is_string()) {
    if (const auto complaint = check_name_prefix(prefix.text(), kind.check_name)) {
      findings.error(prefix, complaint->message, complaint->hint);
    }
  }
  return std::string(name.text());
}

void check_derived_names(const std::vector<Record>& records, Findings& findings) {
  for (const Record& record : records) {
    if (!record.is_sound) {
      continue;
    }
    const Place metadata = record.place.field("metadata");
    const std::size_t with_hash = record.name.size() + 1 + model::kTemplateHashLength;
    const auto derived = std::find_if(kDerived.begin(), kDerived.end(), [&](const Derived& made) {
      return made.schema == record.kind->schema && with_hash > made.longest;
    });
    if (derived != kDerived.end()) {
      findings.warning(
          metadata.field("name"),
          std::string(derived->what) + " would have " + std::to_string(with_hash) + " characters, at most " +
              std::to_string(derived->longest) + " are allowed, so there will be no pods",
          "shorten the name to " + std::to_string(derived->longest - 1 - model::kTemplateHashLength));
    }
  }
}

}  // namespace labctl::manifest
