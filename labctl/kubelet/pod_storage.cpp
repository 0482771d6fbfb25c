#include "labctl/kubelet/pod_storage.hpp"

#include "labctl/objects/cluster_identity.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/current_exception.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/volume_folder.hpp"
#include "topology/kernel/volume_group.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

namespace labctl::kubelet {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using objects::text_at;
using VolumeKind = model::VolumeSource::Kind;

// For medium: Memory without a limit.
constexpr std::int64_t kMemoryBytes = 64 << 20;
constexpr mode_t kOpenToAll = 0777;

void make_open_folder(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure || ::chmod(path.c_str(), kOpenToAll) != 0) {
    throw Error::from_errno(failure ? failure.value() : errno, "make " + path.string());
  }
}

// Names of volumes are labels, so plain names of files; what was stored unchecked is not.
void check_plain(const std::string& name) {
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    throw Error(ErrorKind::InvalidInput, "volume \"" + name + "\": no name of a volume");
  }
}

bool is_type(const struct stat& status, const std::string& type) {
  return type.empty() || (type.starts_with("Directory") && S_ISDIR(status.st_mode)) ||
         (type.starts_with("File") && S_ISREG(status.st_mode)) ||
         (type == "Socket" && S_ISSOCK(status.st_mode)) ||
         (type == "CharDevice" && S_ISCHR(status.st_mode)) ||
         (type == "BlockDevice" && S_ISBLK(status.st_mode));
}

void check_host_path(const model::VolumeSource& source) {
  struct stat status {};
  if (::stat(source.name.c_str(), &status) != 0 || !is_type(status, source.path)) {
    throw Error(ErrorKind::NotFound,
                "hostPath type check failed: " + source.name + " is not a " +
                    (source.path.empty() ? "file or directory of this host" : source.path));
  }
}

}  // namespace

PodStorage::Options PodStorage::options_of_lab(bool writable_host, bool maps_ids) {
  const auto memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                      static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {"/run/labctl-volumes", "/run/labctl-data", memory / 2, writable_host, maps_ids};
}

PodStorage::PodStorage(loop::EventLoop& loop, store::Store& store, Options options)
    : loop_(loop), store_(store), options_(std::move(options)) {
  subscription_ = store.on_change([this](const store::Change& change) { note(change); });
}

PodStorage::~PodStorage() {
  loop_.cancel(timer_);
  while (!held_.empty()) {
    tear_down(model::PodKey(held_.begin()->first));
  }
}

// Within a write: nothing may be written here.
void PodStorage::note(const store::Change& change) {
  const std::string& resource = change.key.resource;
  if (resource == "persistentvolumes") {
    has_released_ = has_released_ || change.type == store::ChangeType::Deleted;
  } else if (resource == "configmaps" || resource == "secrets" || resource == "persistentvolumeclaims") {
    changed_.insert(change.key.ns);
  }
  if (timer_ == 0 && (has_released_ || !changed_.empty())) {
    timer_ = loop_.call_after(std::chrono::milliseconds(0), [this] { work(); });
  }
}

void PodStorage::work() {
  timer_ = 0;
  if (std::exchange(has_released_, false)) {
    drop_released_claims();
  }
  for (const std::string& ns : std::exchange(changed_, {})) {
    for (auto& [key, held] : held_) {
      if (key.ns == ns) {
        refresh(held);
      }
    }
    if (listener_) {
      listener_(ns);
    }
  }
}

// What is missing now stays as it was, as with the kubelet.
void PodStorage::refresh(Held& held) {
  for (const model::Volume& volume : held.pod.volumes) {
    const auto folder = held.folders.find(volume.name);
    if (folder == held.folders.end() || !has_files(volume.source)) {
      continue;
    }
    try {
      write_volume(folder->second, files_of(held, volume.source));
      give_to_group(held, volume, folder->second);
    } catch (...) {
      spdlog::warn("pod {}: volume {} is not refreshed: {}", to_string(held.pod.key), volume.name,
                   words_of_current_exception());
    }
  }
}

VolumeFiles PodStorage::files_of(Held& held, const model::VolumeSource& source) {
  const auto token = [&held](const model::VolumeSource& one) {
    std::string& text = held.tokens[one.audience + "/" + one.path];
    if (text.empty()) {
      const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
      const model::Pod& pod = held.pod;
      const std::string issuer = "https://kubernetes.default.svc";
      text = objects::sign_token({{"iss", issuer},
                                  {"aud", json::array({one.audience.empty() ? issuer : one.audience})},
                                  {"iat", now},
                                  {"nbf", now},
                                  {"exp", now + one.expires_after_s},
                                  {"sub", "system:serviceaccount:" + pod.key.ns + ":" + pod.service_account},
                                  {"kubernetes.io",
                                   {{"namespace", pod.key.ns},
                                    {"pod", {{"name", pod.key.name}, {"uid", pod.uid}}},
                                    {"serviceaccount", {{"name", pod.service_account}}}}}});
    }
    return text;
  };
  return volume_files(source, {held.pod, held.facts, token});
}

// ---- Setting up ---------------------------------------------------------------------------------
std::vector<std::string> PodStorage::set_up(const model::Pod& pod, const DownwardFacts& facts,
                                            bool has_programs) {
  std::vector<std::string> missing;
  for (const model::Volume& volume : pod.volumes) {
    try {
      if (!has_programs) {
        check(pod, facts, volume);
        continue;
      }
      check_plain(volume.name);
      Held& held = hold(pod, facts);
      const std::string folder = make(held, volume);
      give_to_group(held, volume, folder);
      held.folders[volume.name] = folder;
    } catch (const Error& error) {
      missing.push_back("MountVolume.SetUp failed for volume \"" + volume.name + "\" : " + error.message());
    } catch (...) {
      missing.push_back("MountVolume.SetUp failed for volume \"" + volume.name +
                        "\" : " + words_of_current_exception());
    }
  }
  return missing;
}

PodStorage::Held& PodStorage::hold(const model::Pod& pod, const DownwardFacts& facts) {
  const auto [at, is_new] = held_.try_emplace(pod.key);
  if (is_new) {
    if (options_.data_bytes > 0) {
      fs::create_directories(options_.data);
      kernel::mount_bounded(options_.data.string(), std::exchange(options_.data_bytes, 0));
    }
    const std::string number = std::to_string(next_++);
    at->second.config = options_.config / number;
    at->second.data = options_.data / "pods" / number;
  }
  at->second.pod = pod;
  at->second.facts = facts;
  return at->second;
}

void PodStorage::check(const model::Pod& pod, const DownwardFacts& facts, const model::Volume& volume) {
  if (has_files(volume.source)) {
    volume_files(volume.source, {pod, facts, nullptr});
  } else if (volume.source.kind == VolumeKind::Claim) {
    claim_folder(pod, volume.source);
  }
}

std::string PodStorage::make(Held& held, const model::Volume& volume) {
  switch (volume.source.kind) {
    case VolumeKind::ConfigMap:
    case VolumeKind::Secret:
    case VolumeKind::DownwardApi:
    case VolumeKind::Projected:
    case VolumeKind::ServiceAccountToken: {
      const fs::path folder = held.config / volume.name;
      write_volume(folder, files_of(held, volume.source));
      return folder.string();
    }
    case VolumeKind::Claim: {
      const std::string folder = claim_folder(held.pod, volume.source);
      if (!fs::exists(folder)) {
        make_open_folder(folder);
      }
      return folder;
    }
    case VolumeKind::HostPath:
      check_host_path(volume.source);
      return volume.source.name;
    case VolumeKind::EmptyDir:
    case VolumeKind::Other:
      break;
  }
  return make_empty_dir(held, volume);
}

std::string PodStorage::make_empty_dir(Held& held, const model::Volume& volume) {
  const std::string folder = (held.data / volume.name).string();
  if (held.folders.contains(volume.name)) {
    return folder;  // its files stay for as long as the pod
  }
  make_open_folder(folder);
  if (volume.source.in_memory || volume.source.size_limit) {
    const std::int64_t bytes = volume.source.size_limit.value_or(kMemoryBytes);
    kernel::mount_bounded(folder, static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 1)));
    held.bounded.insert(folder);
  }
  return folder;
}

std::string PodStorage::claim_folder(const model::Pod& pod, const model::VolumeSource& source) const {
  const store::ObjectPtr claim = store_.find({"persistentvolumeclaims", pod.key.ns, source.name});
  if (claim == nullptr) {
    throw Error(ErrorKind::NotFound, "persistentvolumeclaim \"" + source.name + "\" not found");
  }
  const store::ObjectPtr volume = store_.find({"persistentvolumes", "", text_at(*claim, "spec.volumeName")});
  if (volume == nullptr || text_at(*claim, "status.phase") != "Bound") {
    throw Error(ErrorKind::NotFound, "PVC " + pod.key.ns + "/" + source.name + " is not bound");
  }
  return (options_.data / "claims" / objects::uid_of(*volume)).string();
}

// Never what is the host's.
void PodStorage::give_to_group(const Held& held, const model::Volume& volume,
                               const std::string& folder) const {
  if (options_.maps_ids && held.pod.security.fs_group && is_ours(volume.source)) {
    kernel::give_to_group(folder, *held.pod.security.fs_group, has_files(volume.source));
  }
}

// A folder of the lab, where places may be made; what is the host's is left alone.
bool PodStorage::is_ours(const model::VolumeSource& source) { return source.kind != VolumeKind::HostPath; }

const model::VolumeSource& PodStorage::found_volume(const Held& held, const model::VolumeMount& mount) {
  const auto volume = std::find_if(held.pod.volumes.begin(), held.pod.volumes.end(),
                                   [&](const model::Volume& one) { return one.name == mount.name; });
  if (volume == held.pod.volumes.end()) {
    throw Error(ErrorKind::InvalidInput, "volumeMount \"" + mount.name + "\": the pod has no such volume");
  }
  return volume->source;
}

// ---- Mounting -----------------------------------------------------------------------------------
std::vector<kernel::FileBind> PodStorage::binds(const model::Pod& pod, const model::Container& container,
                                                const ContainerEnv& env) {
  std::vector<kernel::FileBind> out;
  const auto held = held_.find(pod.key);
  if (held == held_.end()) {
    return out;
  }
  std::vector<const model::VolumeMount*> mounts;
  for (const model::VolumeMount& mount : container.volume_mounts) {
    mounts.push_back(&mount);
  }
  std::stable_sort(mounts.begin(), mounts.end(), [](const auto* one, const auto* other) {
    return one->mount_path.size() < other->mount_path.size();
  });
  for (const model::VolumeMount* mount : mounts) {
    kernel::FileBind bind = bind_of(held->second, *mount, env);
    // In a volume that another one is mounted in, its place is made from here: inside, or not at all.
    for (auto other = out.rbegin(); other != out.rend(); ++other) {
      if (bind.target.starts_with(other->target + "/")) {
        if (!is_ours(found_volume(held->second, *mounts[static_cast<std::size_t>(out.rend() - other) - 1]))) {
          break;
        }
        struct stat status {};
        const bool is_folder = ::stat(bind.source.c_str(), &status) != 0 || S_ISDIR(status.st_mode);
        kernel::make_place_beneath(other->source, bind.target.substr(other->target.size() + 1), is_folder);
        break;
      }
    }
    out.push_back(std::move(bind));
  }
  return out;
}

kernel::FileBind PodStorage::bind_of(const Held& held, const model::VolumeMount& mount,
                                     const ContainerEnv& env) const {
  const auto folder = held.folders.find(mount.name);
  if (folder == held.folders.end()) {
    throw Error(ErrorKind::InvalidInput, "volumeMount \"" + mount.name + "\": the pod has no such volume");
  }
  const model::VolumeSource& source = found_volume(held, mount);
  kernel::FileBind bind;
  bind.source = folder->second;
  bind.target = mount.mount_path;
  while (bind.target.size() > 1 && bind.target.ends_with('/')) {
    bind.target.pop_back();
  }
  bind.read_only = mount.read_only || source.read_only || has_files(source);
  if (source.kind == VolumeKind::HostPath && !bind.read_only && !options_.writable_host) {
    throw Error(ErrorKind::Permission,
                "volume \"" + mount.name + "\": hostPath " + source.name +
                    " is the host's own: it is mounted with readOnly: true, or where the Cluster says "
                    "writableHost: true");
  }
  const std::string sub_path = mount.sub_path_expr.empty()
                                   ? mount.sub_path
                                   : expand(mount.sub_path_expr, [&](const std::string& name) {
                                       const auto value = env.find(name);
                                       if (!value) {
                                         throw Error(ErrorKind::InvalidInput, "missing value for " + name);
                                       }
                                       return value;
                                     });
  if (!sub_path.empty()) {
    // Open until it is mounted: the path may be another thing by then.
    auto opened = std::make_shared<const UniqueFd>(
        kernel::open_beneath(folder->second, sub_path, is_ours(source) || options_.writable_host ? 0777 : 0));
    bind.source = "/proc/self/fd/" + std::to_string(opened->get());
    bind.held = std::move(opened);
  }
  return bind;
}

// ---- Taking down --------------------------------------------------------------------------------
void PodStorage::tear_down(const model::PodKey& key) {
  const auto found = held_.find(key);
  if (found == held_.end()) {
    return;
  }
  for (const std::string& folder : found->second.bounded) {
    kernel::unmount_bounded(folder);
  }
  std::error_code ignored;  // they go with the lab at the latest
  fs::remove_all(found->second.config, ignored);
  fs::remove_all(found->second.data, ignored);
  held_.erase(found);
  drop_released_claims();
}

// Folders of volumes that are gone, once no pod has them any more.
void PodStorage::drop_released_claims() {
  std::set<std::string> used;
  for (const auto& [key, held] : held_) {
    for (const auto& [name, folder] : held.folders) {
      used.insert(folder);
    }
  }
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(options_.data / "claims", failure)) {
    if (!used.contains(entry.path().string()) && !store_.key_of_uid(entry.path().filename().string())) {
      std::error_code ignored;
      fs::remove_all(entry.path(), ignored);
    }
  }
}

}  // namespace labctl::kubelet
