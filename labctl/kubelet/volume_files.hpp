#pragma once

// Which files a volume of objects holds (configMap, secret, downwardAPI, projected), and how they get into its
// folder: as the kubelet writes them, all at once (pkg/volume/util, AtomicWriter).
//
//   folder/..v2/app.conf          what is valid now
//   folder/..data -> ..v2         swapped by one rename(2)
//   folder/app.conf -> ..data/app.conf

#include "labctl/kubelet/container_env.hpp"
#include "labctl/kubelet/pod_config.hpp"
#include "topology/model/pod.hpp"
#include "topology/model/volume.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace labctl::kubelet {

struct VolumeFile {
  std::string bytes;
  int mode = 0644;
  bool operator==(const VolumeFile&) const = default;
};
// By path below the volume.
using VolumeFiles = std::map<std::string, VolumeFile>;

struct VolumeContext {
  const model::Pod& pod;
  const DownwardFacts& facts;
  // The token of a source, for the pod's ServiceAccount.
  std::function<std::string(const model::VolumeSource&)> token;
};

// Whether the volume's contents come from here.
bool has_files(const model::VolumeSource& source);

// Throws Error: NotFound in the kubelet's words: configmap "app" not found; references non-existent config key: a.
// InvalidInput for a path that would leave the volume.
VolumeFiles volume_files(const model::VolumeSource& source, const VolumeContext& context);

// Makes the folder hold just these; nothing is written when it does already. Programs see the old files or the
// new ones. Throws Error by errno.
void write_volume(const std::filesystem::path& folder, const VolumeFiles& files);

}  // namespace labctl::kubelet
