#pragma once

// A folder that hostile programs write in, given to a group with all that is in it. No link is followed: what is put in
// the place of a file meanwhile is left alone, or is what is given.

#include <sys/types.h>

#include <string>

namespace labctl::kernel {

// Every file and folder gets the group, what its group may do at least (read, and write unless `is_read_only`) and, as a
// folder, x and setgid, so that what is made in it later belongs to the group too (SetVolumeOwnership() of Kubernetes).
// Folders deeper than 128 are left as they are. Throws Error by errno for what it may not change.
void give_to_group(const std::string& folder, gid_t group, bool is_read_only);

}  // namespace labctl::kernel
