#pragma once

// The lock of a lab's folder, flock(2). The lab's processes hold it for as long as they live; it says by
// being held that the lab is up, and by its content who they are:
//
//   keeper 4711 8230112
//   supervisor 4720 8230119
//   ready
//
// Others take it for a moment: shared, to see whether a lab holds it, and exclusively, to remove what a lab
// left. So one that is held is a lab's only if the keeper that stands in it lives.

#include "labctl/supervisor/process_mark.hpp"
#include "topology/base/unique_fd.hpp"

namespace labctl::supervisor {

inline constexpr const char* kLockName = "lock";

struct LockRecord {
  ProcessMark keeper;
  ProcessMark supervisor;  // empty until there is one
  bool is_ready = false;   // the lab has booted
};

// Opens the lock in a lab's folder; empty, with errno, when there is none that is a regular file.
UniqueFd open_lock(const UniqueFd& folder);
// The same, made when there is none.
UniqueFd make_lock(const UniqueFd& folder);
// Whether `lock` is still what stands in the folder under its name.
bool is_lock_of(const UniqueFd& lock, const UniqueFd& folder);

// Without waiting. A lock that was taken is given back when the last descriptor of it is closed.
bool take_alone(const UniqueFd& lock);
// Whether a lab, or somebody who removes one, holds it; takes it for a moment, shared.
bool is_held(const UniqueFd& lock);

// Lines that cannot be understood count as absent.
LockRecord read_record(const UniqueFd& lock);
// False with errno when the disk does not take it.
bool write_record(const UniqueFd& lock, const LockRecord& record) noexcept;
// Adds that the lab has booted.
void mark_ready(const UniqueFd& lock) noexcept;

// Kills (SIGKILL) every process that holds the lock exclusively, as its descriptors in /proc tell: also those
// that do not stand in it yet, in the first moments of a lab. One that only looks is left alone.
void kill_holders(const UniqueFd& lock);

}  // namespace labctl::supervisor
