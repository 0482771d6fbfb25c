#pragma once

// Which programs of the host a lab may run, and which words of a container ask for one. Decided by the Cluster
// (hostPrograms, images, allowedHostPrograms), or on the command line in its place. Pure.

#include "topology/model/cluster.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::model {

// The image of a container that runs its own command from the host's file tree.
inline constexpr std::string_view kHostImage = "host";
// What /shell of agnhost's netexec runs, with -c.
inline constexpr const char* kShell = "/bin/sh";

// `*` stands for any text, '/' and ':' included, and `?` for one character.
bool matches_glob(std::string_view pattern, std::string_view text);
// The first of the rules that matches the whole image name; null if none does.
const ImageRule* rule_for(const std::vector<ImageRule>& rules, std::string_view image);
// "registry.k8s.io/e2e-test-images/agnhost:2.47@sha256:..." is "agnhost".
std::string_view short_image_name(std::string_view image);
// Whether the image is agnhost under any registry and tag, or carries the pause program.
bool is_agnhost(std::string_view image);

// As HostPrograms has them.
inline constexpr std::array<std::string_view, 3> kHostProgramWords{"none", "listed", "all"};
// Nothing for any other word.
std::optional<HostPrograms> host_programs_named(std::string_view word);
std::string_view to_string(HostPrograms which);

struct HostProgramPolicy {
  HostPrograms which = HostPrograms::All;
  std::vector<ImageRule> images;
  std::vector<std::string> allowed;  // programs, as a command's first word names them
  StandInProbes stand_in_probes = StandInProbes::Answered;

  // Whether `command` may run from the host's file tree. With Listed its first word is that of an image rule
  // without a root, or one of `allowed`; a name is no path, and a path is no name.
  bool may_run(const std::vector<std::string>& command) const;
  // Whether programs may run from the folder that a rule names: the Cluster lists it.
  bool may_run_roots() const { return which != HostPrograms::None; }
  // Whether exec probes and hooks of a container of this image run something: not of one that is stood in for,
  // nor of an archive's: what runs then is its own, not the host's.
  bool runs_execs_of(std::string_view image) const;
};

HostProgramPolicy host_programs_of(const Cluster& cluster);

}  // namespace labctl::model
