#pragma once

// The volumes of the pods of this lab, as folders: what has to be there before a pod's containers start, what they
// find where, and what changes while they run (kubelet, volumemanager).
//
//   config/NUMBER/VOLUME     what objects say; programs see it read-only
//   data/pods/NUMBER/VOLUME  emptyDir: gone with the pod
//   data/claims/UID          of a PersistentVolume: gone with it, at the latest with the lab
//
// Programs write below data alone, a file system of its own. Whatever links they make there: paths from manifests
// are looked for inside the volume (kernel/volume_folder.hpp).
//
// Threads: the main loop's.

#include "labctl/kubelet/container_env.hpp"
#include "labctl/kubelet/volume_files.hpp"
#include "labctl/loop/event_loop.hpp"
#include "labctl/store/store.hpp"
#include "topology/kernel/process.hpp"
#include "topology/model/pod.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace labctl::kubelet {

class PodStorage {
 public:
  struct Options {
    std::filesystem::path config;  // made if it is not there
    std::filesystem::path data;
    std::uint64_t data_bytes = 0;  // not 0: `data` is a file system of that size of its own
    bool writable_host = false;    // hostPath volumes may be written
    bool maps_ids = false;         // volumes may be given to a pod's fsGroup
  };

  // Below the lab's own /run, of which programs see what is mounted for them; of half of the memory at most.
  static Options options_of_lab(bool writable_host, bool maps_ids);

  // `loop` and `store` must outlive this.
  PodStorage(loop::EventLoop& loop, store::Store& store, Options options);
  ~PodStorage();
  PodStorage(const PodStorage&) = delete;
  PodStorage& operator=(const PodStorage&) = delete;

  // Called from the main loop, with a namespace in which ConfigMaps, Secrets or claims changed: what was missing
  // may be there now.
  void on_change(std::function<void(const std::string& ns)> listener) { listener_ = std::move(listener); }
  store::ObjectPtr find(const store::Key& key) const { return store_.find(key); }

  // Makes the pod's volumes; without `has_programs` it only looks whether all is there. What is missing, as
  // events FailedMount say it; empty: all is well. May be called again.
  std::vector<std::string> set_up(const model::Pod& pod, const DownwardFacts& facts, bool has_programs);
  // What a container of a pod that was set up sees. Throws Error: InvalidInput for a path that leaves its volume.
  std::vector<kernel::FileBind> binds(const model::Pod& pod, const model::Container& container,
                                      const ContainerEnv& env);
  // Nothing of the pod runs any more. Unknown keys are ignored.
  void tear_down(const model::PodKey& key);

 private:
  struct Held {
    model::Pod pod;
    DownwardFacts facts;
    std::filesystem::path config;
    std::filesystem::path data;
    std::map<std::string, std::string> folders;  // by volume: where it is
    std::set<std::string> bounded;               // folders that are file systems of their own
    std::map<std::string, std::string> tokens;   // by audience and path
  };

  void note(const store::Change& change);
  void work();
  Held& hold(const model::Pod& pod, const DownwardFacts& facts);
  // Of one volume; throws Error with what is missing.
  void check(const model::Pod& pod, const DownwardFacts& facts, const model::Volume& volume);
  std::string make(Held& held, const model::Volume& volume);
  std::string make_empty_dir(Held& held, const model::Volume& volume);
  std::string claim_folder(const model::Pod& pod, const model::VolumeSource& source) const;
  VolumeFiles files_of(Held& held, const model::VolumeSource& source);
  void refresh(Held& held);
  kernel::FileBind bind_of(const Held& held, const model::VolumeMount& mount, const ContainerEnv& env) const;
  void give_to_group(const Held& held, const model::Volume& volume, const std::string& folder) const;
  static bool is_ours(const model::VolumeSource& source);
  static const model::VolumeSource& found_volume(const Held& held, const model::VolumeMount& mount);
  void drop_released_claims();

  loop::EventLoop& loop_;
  store::Store& store_;
  Options options_;
  std::function<void(const std::string&)> listener_;
  std::map<model::PodKey, Held> held_;
  std::set<std::string> changed_;  // namespaces
  bool has_released_ = false;
  std::uint64_t next_ = 1;
  loop::EventLoop::Id timer_ = 0;
  store::Store::Subscription subscription_;
};

}  // namespace labctl::kubelet
