#pragma once

// What runs for a container whose image is in an archive of the Cluster's `images`, as containerd and the kubelet have it.

#include "labctl/kubelet/image_map.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace labctl::kubelet {

struct ContainerEnv;

// The image of the rule's archive that the container means: the one of its name, or the only one, if that has no other
// name. Its entry point and command are replaced as the kubelet replaces them: `command` both, `args` the second.
// InvalidImageName, ErrImagePull or ErrImageNeverPull, in the kubelet's words, for one that is not there.
ImageChoice choose_archived(const model::Container& container, const model::ImageRule& rule);

// "SIGQUIT", "QUIT", "3" or "SIGRTMIN+3" as a number; nothing for what is no signal.
std::optional<int> signal_named(std::string_view word);

// The image's variables, below the Services' and the container's own, and its user's home (empty: as it is), below those.
void add_image_env(ContainerEnv& env, const ImageChoice& choice, const std::string& home = {});

}  // namespace labctl::kubelet
