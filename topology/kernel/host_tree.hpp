#pragma once

// What programs of pods, nodes and outside hosts see of this host's files: a mount namespace (mount_namespaces(7)) that is
// made once for a lab, and of which each of them has a copy. The host's tree is read-only in it, without setuid files and
// devices; /dev has what every container has and no more; /run is empty, and so is what is to be hidden. Nothing of the
// supervisor's is in it.

#include "topology/base/unique_fd.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace labctl::kernel {

// Where a child mounts what is its own, in the tree; empty in the end.
inline constexpr const char* kScratch = "/run/labctl-scratch";

class HostTree {
 public:
  struct Options {
    // The host's files may be written as far as their owners and modes let the lab, /tmp among them.
    bool is_writable = false;
    // The user's own folder, which programs write in as if it were theirs (below); empty: none.
    std::string home{};
    // Folders that are shown empty; those that are not there are passed over.
    std::vector<std::string> hidden{};
  };

  // Reads the caller's own tree, so after mount_capsule(). The calling thread is where it was afterwards. Throws Error.
  static HostTree create(const Options& options);

  // For setns(2) with CLONE_NEWNS.
  int namespace_fd() const noexcept { return namespace_.get(); }
  // A folder that each child has to itself, empty but for folders of its own again.
  struct OwnFolder {
    std::string path;
    mode_t mode = 0755;
    std::vector<std::string> folders{};  // names
  };
  // /var/tmp, /dev/shm and /root; /var/log and /var/cache, with folders as the host has them, where programs look
  // for theirs; and last /run.
  const std::vector<OwnFolder>& own_folders() const noexcept { return own_folders_; }
  // Whether `path` (absolute, without links) is one of them or below one.
  bool is_own(std::string_view path) const noexcept;
  // Folders that each child has with a layer of its own above (overlayfs): /tmp, /var/lib and `home`; where this
  // kernel refuses one, those right below it that can have one, and /tmp is a folder of its own.
  const std::vector<std::string>& layered() const noexcept { return layered_; }
  // What is mounted below one of them, and would not be seen through its layer.
  std::vector<std::string> mounts_below(const std::string& folder) const;

  // Makes the place of a mount, an empty folder or file, whose first folder the host does not have: in the tree's own
  // root, where all programs see it from then on, and none may write. There already: nothing is done. Throws Error.
  void make_in_root(const std::string& path, bool is_folder) const;

 private:
  friend class TreeBuilder;

  UniqueFd namespace_;
  UniqueFd root_;  // that of the tree, to write in
  std::vector<OwnFolder> own_folders_;
  std::vector<std::string> layered_;
  std::vector<std::string> mounts_;
};

// The data of mount(2) for an overlay that a user namespace may mount: "userxattr", Linux 5.11.
std::string overlay_options(const std::string& lower, const std::string& upper, const std::string& work);

// The mount points in the text of /proc/PID/mountinfo (proc(5)), in its order.
std::vector<std::string> mount_points(std::string_view mountinfo);

}  // namespace labctl::kernel
