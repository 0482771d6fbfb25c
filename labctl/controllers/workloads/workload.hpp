#pragma once

// What the workload controllers share: whose pods are whose, pods from
// templates, and the revisions of a template.

#include "labctl/controllers/work.hpp"
#include "labctl/store/change.hpp"
#include "topology/model/label_selector.hpp"

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::controllers {

// The label that tells which revision of its template a pod was made from.
inline const std::string kRevisionHash = "controller-revision-hash";

// The key of an object in `resource`.
store::Key key_in(std::string_view resource, const nlohmann::json& object);

// The objects of `resource` that `owner` controls, by name, after taking in those of its namespace that match
// and have no controller, and letting go those that match no more (concepts, "Labels and selectors" and
// "Garbage Collection"). Takes in only pods that are active, and nothing when `owner` is being deleted. With
// an empty selector nothing is taken in or let go. `may_be_member` narrows the selector: a StatefulSet's pods
// are its own by name, too.
std::vector<store::ObjectPtr> claim_owned(
    Work& work, const nlohmann::json& owner, std::string_view resource, const model::LabelSelector& selector,
    const std::function<bool(const nlohmann::json&)>& may_be_member = {});

// Whether the lab takes one more pod (kPodsPerLab). If not, `owner` has an event FailedCreate, as with a
// quota, and is looked at again in a while: pods go.
bool may_make_pod(Work& work, const nlohmann::json& owner, std::string_view component);

// A Pod as spec.template of `owner` describes it, owned by it, without a name.
nlohmann::json pod_from_template(const nlohmann::json& owner, const nlohmann::json& pod_template);

// Ready for at least `min_ready_seconds`; asks to be looked at again when it will be.
bool is_available(Work& work, const nlohmann::json& pod, std::int64_t min_ready_seconds);
bool is_available(Work& work, const PodFacts& pod, std::int64_t min_ready_seconds);

// Replaces status. Counts of 0 are left out where Kubernetes leaves them out.
// Nothing for an object that is gone.
void write_status(Work& work, const store::Key& key, nlohmann::json status);

// A number or "25%" of `total`; `otherwise` when absent.
std::int64_t resolve_share(const nlohmann::json* value, std::int64_t total, bool rounds_up,
                           std::string_view otherwise);

// ---- Revisions of StatefulSets and DaemonSets (apps/v1 ControllerRevision) ----

struct Revision {
  std::string name;  // "<owner>-<hash>", as in status.updateRevision
  std::string hash;  // the label controller-revision-hash
  std::int64_t number = 0;
};

// The revision of the owner's present template, made or made the newest when needed; not made when its name
// is too long (too_long_name()).
Revision current_revision(Work& work, const nlohmann::json& owner);
// The template of an older revision; null when it is gone.
nlohmann::json template_of_revision(Work& work, const nlohmann::json& owner,
                                    const std::string& revision_name);
// Deletes the oldest revisions beyond spec.revisionHistoryLimit that no name of `used` needs.
void prune_revisions(Work& work, const nlohmann::json& owner, const std::vector<std::string>& used);

}  // namespace labctl::controllers
