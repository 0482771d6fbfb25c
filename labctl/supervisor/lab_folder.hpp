#pragma once

// One lab's folder, opened, and what is done to it by name: only files that labctl itself makes there are
// ever removed, so that a runtime folder in which there are other things too loses none of them.

#include "labctl/supervisor/runtime_root.hpp"
#include "topology/base/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace labctl::supervisor {

inline constexpr const char* kSocketName = "api.sock";
inline constexpr const char* kLogName = "supervisor.log";
inline constexpr const char* kEndName = "ended";  // how a lab ended that was not asked to; see lab_end.hpp

struct LabFolder {
  std::string name;
  std::filesystem::path path;
  UniqueFd root;  // the runtime folder
  UniqueFd folder;
};

// Opens the folder of a lab; NotFound and Permission are thrown as open_private_folder() does.
LabFolder open_lab_folder(const RuntimeRoot& root, UniqueFd opened_root, const std::string& name);

// What is in an open folder, without "." and ".."; nothing when it cannot be read.
std::vector<std::string> entries_of(int folder);

// Whether the folder still stands under its name.
bool is_in_place(const LabFolder& lab);
// Nothing is in it but what labs have in theirs.
bool holds_only_ours(const LabFolder& lab);
// Removes what a lab had there, but not the lock.
void clear_lab_folder(const LabFolder& lab) noexcept;
// Removes all of it: the lock, which says whose it is, last. The caller holds the lock. False when something
// is in the folder that is not a lab's: then that stays.
bool remove_lab_folder(const LabFolder& lab) noexcept;

}  // namespace labctl::supervisor
