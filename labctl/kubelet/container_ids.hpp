#pragma once

// Who the programs of a container are: what its pod says (core/v1 SecurityContext), else its image's User, with what the
// image's own /etc/passwd and /etc/group say of it; as the kubelet and containerd have it.
//
// An image's group ("101:102") counts as long as the pod names no user.

#include "labctl/kubelet/image_map.hpp"
#include "topology/kernel/process.hpp"
#include "topology/model/pod.hpp"

#include <string>

namespace labctl::kubelet {

// Texts of passwd(5) and group(5), empty where a tree has none. They are hostile.
struct AccountFiles {
  std::string passwd;
  std::string group;
};

// Of the tree at `root` (empty: the host's), looked for inside it and no larger than 1 MiB.
AccountFiles read_account_files(const std::string& root);

struct ContainerIds {
  kernel::ProcessIds ids;
  std::string home;  // absolute
};

// Whether the container or its pod asks for ids, or its image may.
bool names_ids(const model::Pod& pod, const model::Container& container, const ImageChoice& choice);
// Whether they would be others than root's: what a lab with one id cannot give.
bool wants_other_ids(const model::Pod& pod, const model::Container& container, const ImageChoice& choice);

// Why runAsNonRoot keeps the container from starting, in the kubelet's words; empty: it may start. What an image that is
// none of an archive would run as is not known, and so no reason.
std::string refusal_as_root(const model::Pod& pod, const model::Container& container,
                            const ImageChoice& choice);

// Throws Error InvalidInput for a user or a group by a name that the files do not have.
ContainerIds container_ids(const model::Pod& pod, const model::Container& container,
                           const ImageChoice& choice, const AccountFiles& files);

}  // namespace labctl::kubelet
