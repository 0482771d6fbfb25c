#pragma once

// PersistentVolumeClaims and the volumes that they are bound to (persistentvolume-binder, and the provisioner of
// the lab's StorageClass): a claim is bound to a volume of the user's that fits, else to a new one.
//
// A claim that is deleted stays until no pod uses it (pvc-protection-controller): its finalizer is set and taken here.
//
// Whatever a volume says that it is made of, it is a folder of the lab, which lives as long as the lab does.
//
// Threads: the store's.

#include "labctl/store/store.hpp"
#include "topology/model/well_known.hpp"

#include <nlohmann/json_fwd.hpp>

#include <set>

namespace labctl::controllers {

// The class that a lab brings, and what makes its volumes.
using model::kLabStorageClass;
inline constexpr const char* kLabProvisioner = "labctl.dev/folder";

// That class, for claims that name none.
nlohmann::json lab_storage_class();

class ClaimBinder {
 public:
  // Looks at all claims and volumes in the first run. `store` must outlive this.
  explicit ClaimBinder(store::Store& store);
  ClaimBinder(const ClaimBinder&) = delete;
  ClaimBinder& operator=(const ClaimBinder&) = delete;

  bool has_work() const { return !claims_.empty() || !volumes_.empty() || !pods_.empty(); }
  // False: something was thrown over one, which has an event; retry() later.
  bool run();
  void retry();

 private:
  void note(const store::Change& change);
  // Makes the claims of a pod's ephemeral volumes, which go with the pod (ephemeral-volume-controller).
  void sync_pod(const store::Key& key);
  void sync_claim(const store::Key& key);
  // Of a claim that is being deleted: it may go, once no pod uses it.
  void release(const store::Key& key);
  void sync_volume(const store::Key& key);
  // The smallest free volume that fits; null: none does.
  store::ObjectPtr fitting_volume(const nlohmann::json& claim, const std::string& storage_class) const;
  store::ObjectPtr provision(const nlohmann::json& claim, const std::string& storage_class);
  void bind(const store::Key& key, const nlohmann::json& claim, const store::ObjectPtr& volume,
            const std::string& storage_class);

  store::Store& store_;
  std::set<store::Key> claims_;
  std::set<store::Key> volumes_;
  std::set<store::Key> pods_;
  std::set<store::Key> failed_;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::controllers
