#pragma once

// From paths to what a lab is booted from: read, checked, and with a name.

#include "labctl/commands/session.hpp"
#include "topology/manifest/loader.hpp"
#include "topology/model/cluster.hpp"

#include <optional>
#include <string>
#include <vector>

namespace labctl::commands {

// As the command line has them.
struct BootOptions {
  bool strict = false;
  std::string ns;                                    // of objects that name none; empty: none was asked for
  std::optional<model::HostPrograms> host_programs;  // in place of what the Cluster says
  bool allows_remote_store = false;
};

struct BootInput {
  std::string lab;
  model::Cluster cluster;
  std::vector<manifest::Object> objects;
  std::vector<Diagnostic> warnings;  // printed already, in short
};

// Reads and checks the files; no paths mean lab.yaml (or labctl.yaml) of the current
// folder, else an empty lab. Prints diagnostics. Throws Error: InvalidInput when one of
// them is an error, NotFound for a missing path.
BootInput read_boot_input(const Session& session, std::vector<std::string> paths, const BootOptions& options);

// A lab's name from a path: of "shop/lab.yaml" and "shop/" it is "shop", of
// "shop.yaml" too; made a DNS label.
std::string name_from_path(const std::string& path);

// Prints the diagnostics and throws InvalidInput that counts the errors, if there are any.
void refuse_errors(const Session& session, const std::vector<Diagnostic>& diagnostics);

}  // namespace labctl::commands
