#pragma once

// Where labs are found: one folder a lab below the user's runtime folder, holding the control socket and a
// lock that the lab's processes hold for as long as they live. A folder whose lock is free, or that has none
// and nobody listening, belongs to a lab that has ended: the lock is made first and removed last.
//
//   $XDG_RUNTIME_DIR/labctl/<lab>/{api.sock,lock,supervisor.log}      /run/labctl/<lab>/ for root
//
// Whoever looks, claims or removes may do so at any moment, beside others.

#include "labctl/supervisor/lab_end.hpp"
#include "labctl/supervisor/lab_folder.hpp"
#include "labctl/supervisor/lab_lock.hpp"
#include "labctl/supervisor/runtime_root.hpp"
#include "topology/base/unique_fd.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::supervisor {

// Paths, for messages and for api::Client, which checks the folders when it connects.
std::filesystem::path lab_directory(std::string_view lab);
std::filesystem::path socket_path(std::string_view lab);

// A DNS-1123 label: 1-63 of a-z 0-9 '-', not beginning or ending with '-'.
bool valid_lab_name(std::string_view name);

// A lab's name and folder, taken by this process, which stands in the lock as the lab's keeper.
class ClaimedLab {
 public:
  // Of nothing.
  ClaimedLab() = default;
  // Use claim_lab().
  ClaimedLab(RuntimeRoot root, LabFolder lab, UniqueFd lock);

  const std::filesystem::path& path() const { return lab_.path; }
  const UniqueFd& folder() const { return lab_.folder; }
  // For a child that is to hold it too.
  UniqueFd& lock() { return lock_; }
  // Makes the lab's log, empty, to append to; this user's alone. Throws Error.
  UniqueFd make_log() const;
  // Whom `down` may end.
  void set_supervisor(pid_t supervisor) noexcept;
  // Whether the folder and the lock are still there under their names: somebody may have removed them.
  bool is_in_place() const;
  // A descriptor, readable when that should be asked again; see inotify(7). Empty when there are too many.
  UniqueFd watch() const;
  // Removes the folder, if it is still this lab's.
  void release() noexcept;
  // Instead of release(): the folder stays, and tells how the lab ended. The lock goes with its holders.
  void leave_end(int status) noexcept;

 private:
  RuntimeRoot root_;
  LabFolder lab_;
  UniqueFd lock_;
};

// Makes the lab's folder (0700) and takes its lock; what a killed lab left there is removed.
// Throws Error: AlreadyExists when the lab is up, InvalidInput for a bad name, Permission when the runtime
// folder or the lab's is not this user's own, Busy when it has been ending for seconds.
ClaimedLab claim_lab(std::string_view lab);

struct LabEntry {
  std::string name;
  bool is_alive = false;
  bool is_ready = false;  // it has booted; of labs that are alive
  LabEnd end;             // of labs that are dead
  // Why nobody should talk to it: its folder is another user's. Neither alive nor dead then.
  std::string refusal;

  bool is_dead() const { return !is_alive && refusal.empty(); }
};
// By name; folders of labs that ended included. Throws Error Permission as open_runtime_root() does.
std::vector<LabEntry> list_labs();
// Empty when there is no such lab. Throws Error Permission, also when the lab's own folder is not private.
std::optional<LabEntry> find_lab(std::string_view lab);

// What stands in the lock of a lab; empty when there is no such lab, or it has no lock. Throws as find_lab().
std::optional<LockRecord> find_record(std::string_view lab);

// Kills every process that holds the lock of a lab; see lab_lock.hpp. Throws as find_lab().
void kill_holders(std::string_view lab);

// Removes the folder of a lab that has ended. False when there is none, or the lab lives.
bool remove_dead(std::string_view lab);
// Removes those of all; returns what they were.
std::vector<LabEntry> sweep();

}  // namespace labctl::supervisor
