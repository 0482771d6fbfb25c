#pragma once

// What runs for a container: a program of the host, a program in a folder or of an image's archive, or the built-in
// server. What stands in for an image is said in a notice, never done in silence.

#include "topology/base/file_owner.hpp"
#include "topology/model/cluster.hpp"
#include "topology/model/host_programs.hpp"
#include "topology/model/pod.hpp"

#include <csignal>
#include <string>
#include <utility>
#include <vector>

namespace labctl::kubelet {

struct ImageChoice {
  enum class Way {
    Host,     // `command` from the host's file tree
    Root,     // `command` from the folder `root`, that of an image or another
    BuiltIn,  // the built-in server, in the role that the container's own words say
    StandIn,  // the built-in server, as if the image's application were up: see stand_in.hpp
    Skip,     // nothing: taken as succeeded
    Invalid,  // cannot run; `reason` and `message` say why
  };
  Way way = Way::BuiltIn;
  std::vector<std::string> command;
  std::string root;
  std::string reason;  // "CreateContainerConfigError"
  std::string message;
  std::string notice;  // what stands in for the image; empty for `image: host`
  // Of an image from an archive; see archived_image.hpp.
  std::string digest{};  // empty: it is none
  std::vector<std::pair<std::string, std::string>> env{};
  std::string working_dir{};  // where the container's own is not said
  std::string user{};         // "nginx", "101:101"; empty: root
  FileOwners owners{};        // of the root's files
  int stop_signal = SIGTERM;
  bool operator==(const ImageChoice&) const = default;
};

// The first that applies: `image: host`; the first rule of the Cluster that matches the whole
// image name; agnhost and pause of any registry and tag; anything else, which the built-in server
// stands in for. A rule's command is the image's entry point: the container's `command` replaces
// it, its `args` are put after it. An init container of an unknown image is skipped, and so is a container of a
// Job: the built-in server never ends, and the pod would never start, or never be done. The container's own stop
// signal takes the place of the image's.
ImageChoice choose(const model::Container& container, const std::vector<model::ImageRule>& rules,
                   bool is_init = false);

// Whether `command` may run in a container of that choice: those of an image of an archive are not the host's.
bool may_run(const ImageChoice& choice, const model::HostProgramPolicy& policy,
             const std::vector<std::string>& command);

// The choice, or Invalid where it is a program of the host that the lab may not run.
ImageChoice permitted(ImageChoice choice, const model::Container& container,
                      const model::HostProgramPolicy& policy);
// Why the policy refuses a command, for people: "hostPrograms: none forbids programs of the host (sh)".
std::string refusal_of(const model::HostProgramPolicy& policy, const std::vector<std::string>& command);

// Some container of the pod is a program of the host or of a root, not the built-in server.
bool runs_programs(const model::Pod& pod, const std::vector<model::ImageRule>& rules);

}  // namespace labctl::kubelet
