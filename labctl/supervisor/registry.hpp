#pragma once

// Where labs are found: one folder a lab below the user's runtime folder, holding the control socket and a
// lock that the lab's processes hold for as long as they live. A folder whose lock is free belongs to a lab
// that was killed.
//
//   $XDG_RUNTIME_DIR/labctl/<lab>/{api.sock,lock}      /run/labctl/<lab>/ for root

#include "topology/base/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::supervisor {

// $LABCTL_RUNTIME_DIR, or /run/labctl for root, or $XDG_RUNTIME_DIR/labctl, or /tmp/labctl-<uid>.
std::filesystem::path runtime_root();
std::filesystem::path lab_directory(std::string_view lab);
std::filesystem::path socket_path(std::string_view lab);

// A DNS-1123 label: 1-63 of a-z 0-9 '-', not beginning or ending with '-'.
bool valid_lab_name(std::string_view name);

// Makes the lab's folder (0700) and takes its lock; what a killed lab left there is removed.
// Throws Error: AlreadyExists when the lab is up, InvalidInput for a bad name, Permission when the runtime
// folder is another user's.
UniqueFd claim_lab(std::string_view lab);

// Removes the folder of a lab. The caller holds its lock.
void release_lab(std::string_view lab) noexcept;

struct LabEntry {
  std::string name;
  bool is_alive = false;
};
// By name; folders of killed labs included.
std::vector<LabEntry> list_labs();

// Removes the folders of killed labs; returns their names.
std::vector<std::string> sweep();

}  // namespace labctl::supervisor
