#include "topology/manifest/stood_in_names.hpp"

#include "topology/manifest/yaml/text_format.hpp"
#include "topology/model/well_known.hpp"

#include <set>
#include <string>
#include <string_view>

namespace labctl::manifest {
namespace {

class ClassCheck {
 public:
  ClassCheck(const std::vector<Record>& records, Findings& findings) : findings_(findings) {
    for (const Record& record : records) {
      if (record.kind->schema == &kStorageClass) {
        known_.emplace(record.name);
      } else if (record.kind->schema == &kPersistentVolume && record.is_sound) {
        const Place spec = record.place.field("spec");
        known_.emplace(spec.field("storageClassName").text());
      }
    }
  }

  void run(const Record& record) {
    const Place spec = record.place.field("spec");
    if (record.kind->schema == &kPersistentVolumeClaim) {
      check(spec);
    }
    const Place templates = spec.field("volumeClaimTemplates");
    for (std::size_t i = 0; i < templates.size(); ++i) {
      const Place claim = templates.item(i);
      check(claim.field("spec"));
    }
    with_pod_spec(record, [this](const Place& pod) { check_pod(pod); });
  }

 private:
  void check_pod(const Place& pod) {
    const Place volumes = pod.field("volumes");
    for (std::size_t i = 0; i < volumes.size(); ++i) {
      const Place volume = volumes.item(i);
      const Place ephemeral = volume.field("ephemeral");
      const Place claim = ephemeral.field("volumeClaimTemplate");
      check(claim.field("spec"));
    }
  }

  void check(const Place& claim) {
    const Place name = claim.field("storageClassName");
    if (name.text().empty() || known_.contains(name.text())) {
      return;
    }
    const std::string what = "StorageClass " + std::string(name.text());
    findings_.repeated(name,
                       {what,
                        "no file has the StorageClass " + in_quotes(name.text()) +
                            ": the lab's own stands in for it, where a cluster would leave the claim Pending",
                        "add it, or leave storageClassName out", false, false, Topic::StoodIn, what});
  }

  std::set<std::string, std::less<>> known_{model::kLabStorageClass};
  Findings& findings_;
};

}  // namespace

void check_storage_classes(const std::vector<Record>& records, Findings& findings) {
  ClassCheck check(records, findings);
  for (const Record& record : records) {
    if (record.is_sound) {
      check.run(record);
    }
  }
}

}  // namespace labctl::manifest
