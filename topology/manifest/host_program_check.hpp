#pragma once

// Which fields of a lab's files run programs of the host: each may be told of, and each that the Cluster or the
// command line forbids is an error.

#include "topology/manifest/references.hpp"
#include "topology/manifest/yaml/findings.hpp"
#include "topology/manifest/yaml/text_format.hpp"
#include "topology/model/host_programs.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::manifest {

struct HostProgramRules {
  model::HostProgramPolicy policy;
  bool is_asked = false;  // by --host-programs, not by the Cluster
  bool tells = false;     // a warning for each field that may
  bool is_running_lab = false;
};

// `asked` is what the command line has in place of the policy's own word, if anything.
HostProgramRules host_program_rules(model::HostProgramPolicy policy, std::optional<model::HostPrograms> asked,
                                    bool tells);

// What is said of a field that may.
inline constexpr const char* kRunsHostProgram = "runs a program of this host";

// Why `command` must not run from the host's file tree; nothing: it may.
std::optional<Complaint> check_host_program(const HostProgramRules& rules,
                                            const std::vector<std::string>& command);
// The same of an image rule of a Cluster: whatever it names is listed by that.
std::optional<Complaint> check_image_rules(const HostProgramRules& rules);

// Whether the built-in server is there in place of the image, as its own application would be: nothing of it runs.
bool is_stood_in_for(const HostProgramRules& rules, std::string_view image);

// image: host and exec probes and hooks of containers that are run, requests for /shell of agnhost, and the
// images of Clusters. Of images that are stood in for nothing is run, unless standIns says so; that their own
// command is not is said once, with the number of containers.
void check_host_programs(const std::vector<Record>& records, const HostProgramRules& rules,
                         Findings& findings);

}  // namespace labctl::manifest
