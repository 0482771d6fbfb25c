#include "topology/kernel/host_tree.hpp"

#include "topology/base/error.hpp"
#include "topology/base/text_file.hpp"
#include "topology/kernel/mount_calls.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <utility>

namespace labctl::kernel {
namespace {

namespace fs = std::filesystem;

// The new tree is put together here: the supervisor's own /run is not shown to anybody.
constexpr const char* kTop = "/run";
// Of those in a folder.
constexpr std::size_t kFoldersMax = 64;
constexpr std::array<const char*, 6> kDevices{"null", "zero", "full", "random", "urandom", "tty"};
constexpr std::array<std::pair<const char*, const char*>, 5> kDeviceLinks{{{"ptmx", "pts/ptmx"},
                                                                           {"fd", "/proc/self/fd"},
                                                                           {"stdin", "/proc/self/fd/0"},
                                                                           {"stdout", "/proc/self/fd/1"},
                                                                           {"stderr", "/proc/self/fd/2"}}};

[[noreturn]] void refuse(int cause, const std::string& act) {
  throw Error::from_errno(cause, "make the tree of containers: " + act);
}

void do_mount(const char* source, const std::string& target, const char* type, unsigned long flags,
              const char* data = nullptr) {
  if (::mount(source, target.c_str(), type, flags, data) != 0) {
    refuse(errno, "mount " + target);
  }
}

void make_folder(const std::string& path, mode_t mode = 0755) {
  if ((::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) || ::chmod(path.c_str(), mode) != 0) {
    refuse(errno, "make folder " + path);
  }
}

void make_file(const std::string& path) {
  if (!UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644))) {
    refuse(errno, "make file " + path);
  }
}

void add_flags(const std::string& path, std::uint64_t flags, Below below) {
  if (const int cause = add_mount_flags(path.c_str(), flags, below); cause != 0) {
    refuse(cause, "protect " + path);
  }
}

UniqueFd own_mounts() {
  UniqueFd own(::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!own) {
    refuse(errno, "open the own mount namespace");
  }
  return own;
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

bool is_plain_folder(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

// In a mount namespace of its own.
class TreeBuilder {
 public:
  TreeBuilder(const HostTree::Options& options, HostTree& tree) : options_(options), tree_(tree) {}

  void build() {
    for (const std::string& folder : options_.hidden) {
      std::error_code ignored;
      hidden_.push_back(fs::canonical(folder, ignored).string());
    }
    do_mount("tmpfs", kTop, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m,nr_inodes=16384");
    tree_.root_ = take_mount(AT_FDCWD, kTop, Below::Not);
    if (!tree_.root_) {
      refuse(errno, "take the root");
    }
    bind_entries();
    for (const char* folder : {"/proc", "/sys", "/dev", "/run"}) {
      make_folder(std::string(kTop) + folder);
    }
    make_folder(std::string(kTop) + kScratch);
    hide();
    add_flags(kTop, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (options_.is_writable ? 0 : MOUNT_ATTR_RDONLY),
              Below::Too);
    // Whoever may write the host's files may not write this folder, which all share.
    add_flags(kTop, MOUNT_ATTR_RDONLY, Below::Not);
    do_mount("/proc", std::string(kTop) + "/proc", nullptr, MS_BIND | MS_REC);
    do_mount("/sys", std::string(kTop) + "/sys", nullptr, MS_BIND | MS_REC);
    make_devices(std::string(kTop) + "/dev");
    if (const int cause = enter_root(kTop); cause != 0) {
      refuse(cause, "enter the root");
    }
    tree_.mounts_ = mount_points(text_of_file("/proc/thread-self/mountinfo"));
    choose_folders();
    tree_.namespace_ = own_mounts();
  }

 private:
  // Each entry of "/" once more; what cannot be looked into is an empty folder.
  void bind_entries() const {
    for (const auto& entry : fs::directory_iterator("/")) {
      const std::string path = entry.path().string();
      const std::string target = kTop + path;
      std::error_code ignored;
      if (entry.is_symlink(ignored)) {
        fs::create_symlink(fs::read_symlink(entry.path(), ignored), target, ignored);
      } else if (entry.is_directory(ignored)) {
        make_folder(target);
        const bool is_made_anew = path == "/proc" || path == "/sys" || path == "/dev" || path == "/run";
        if (!is_made_anew) {
          ::mount(path.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr);
        }
      } else if (entry.is_regular_file(ignored)) {
        make_file(target);
        ::mount(path.c_str(), target.c_str(), nullptr, MS_BIND, nullptr);
      }
    }
  }

  void hide() const {
    for (const std::string& folder : hidden_) {
      if (const std::string target = kTop + folder; !folder.empty() && is_plain_folder(target)) {
        do_mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4k");
      }
    }
  }

  static void make_devices(const std::string& folder) {
    do_mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k");
    for (const char* device : kDevices) {
      const std::string source = std::string("/dev/") + device;
      if (::access(source.c_str(), F_OK) == 0) {
        make_file(folder + "/" + device);
        do_mount(source.c_str(), folder + "/" + device, nullptr, MS_BIND);
      }
    }
    for (const auto& [name, target] : kDeviceLinks) {
      if (::symlink(target, (folder + "/" + name).c_str()) != 0) {
        refuse(errno, std::string("make /dev/") + name);
      }
    }
    make_folder(folder + "/shm", 01777);
    make_folder(folder + "/pts");
    do_mount("/dev/pts", folder + "/pts", nullptr, MS_BIND);
    add_flags(folder, MOUNT_ATTR_RDONLY, Below::Not);
  }

  // In the new root.
  void choose_folders() {
    add_own("/dev/shm", 01777);
    if (!options_.is_writable) {
      add_own("/var/tmp", 01777);
      add_own("/var/log", 0755);
      add_own("/var/cache", 0755);
      do_mount("tmpfs", kScratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m");
      if (is_plain_folder("/tmp") && can_have_layer("/tmp")) {
        tree_.layered_.push_back("/tmp");
      } else {
        add_own("/tmp", 01777);
      }
      add_layers("/var/lib");
      if (has_home()) {
        add_layers(options_.home);
      }
      if (options_.home != "/root" || !has_home()) {
        add_own("/root", 0700);
      }
      ::umount2(kScratch, MNT_DETACH);
    }
    tree_.own_folders_.push_back({"/run", 0755});
  }

  // One that is not with another folder of these.
  bool has_home() const {
    return options_.home.size() > 1 && is_plain_folder(options_.home) &&
           ::access(options_.home.c_str(), R_OK | X_OK) == 0 && !tree_.is_own(options_.home) &&
           std::none_of(tree_.layered_.begin(), tree_.layered_.end(), [&](const std::string& folder) {
             return is_below(options_.home, folder) || is_below(folder, options_.home);
           });
  }

  void add_own(const std::string& path, mode_t mode) {
    if (!is_plain_folder(path)) {
      return;
    }
    HostTree::OwnFolder own{path, mode};
    if (mode == 0755) {
      for (const std::string& folder : folders_in(path)) {
        own.folders.push_back(fs::path(folder).filename());
      }
    }
    tree_.own_folders_.push_back(std::move(own));
  }

  // As many as are worth the time of each child.
  static std::vector<std::string> folders_in(const std::string& path) {
    std::vector<std::string> folders;
    std::error_code ignored;
    for (fs::directory_iterator entry(path, ignored), end; entry != end && folders.size() < kFoldersMax;
         entry.increment(ignored)) {
      if (is_plain_folder(entry->path())) {
        folders.push_back(entry->path());
      }
    }
    return folders;
  }

  void add_layers(const std::string& folder) {
    if (!is_plain_folder(folder)) {
      return;
    }
    if (can_have_layer(folder)) {
      tree_.layered_.push_back(folder);
      return;
    }
    for (const std::string& below : folders_in(folder)) {
      if (!tree_.is_own(below) && can_have_layer(below)) {
        tree_.layered_.push_back(below);
      }
    }
  }

  // A user namespace may put none over a folder below which the host has mounts of its own: it would show what they
  // hide (overlayfs: failed to clone lowerpath).
  static bool can_have_layer(const std::string& folder) {
    const std::string scratch = kScratch;
    for (const char* part : {"/upper", "/work", "/merged"}) {
      make_folder(scratch + part);
    }
    const std::string options = overlay_options(folder, scratch + "/upper", scratch + "/work");
    if (::mount("overlay", (scratch + "/merged").c_str(), "overlay", 0, options.c_str()) != 0) {
      return false;
    }
    ::umount2((scratch + "/merged").c_str(), MNT_DETACH);
    return true;
  }

  const HostTree::Options& options_;
  HostTree& tree_;
  std::vector<std::string> hidden_;
};

HostTree HostTree::create(const Options& options) {
  const UniqueFd ours = own_mounts();
  if (::unshare(CLONE_NEWNS) != 0) {
    refuse(errno, "create a mount namespace");
  }
  HostTree tree;
  std::exception_ptr failure;
  try {
    TreeBuilder(options, tree).build();
  } catch (...) {
    failure = std::current_exception();
  }
  // If this were refused, the lab would go on in its pods' tree: it must not.
  if (::setns(ours.get(), CLONE_NEWNS) != 0) {
    std::abort();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  return tree;
}

bool HostTree::is_own(std::string_view path) const noexcept {
  return std::any_of(own_folders_.begin(), own_folders_.end(),
                     [&](const OwnFolder& own) { return path == own.path || is_below(path, own.path); });
}

void HostTree::make_in_root(const std::string& path, bool is_folder) const {
  UniqueFd folder(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
  for (std::size_t at = 1; folder && at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    const bool is_last = end == path.size();
    at = end + 1;
    if (is_last && !is_folder) {
      folder.reset(::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    } else if (::mkdirat(folder.get(), name.c_str(), 0755) == 0 || errno == EEXIST) {
      folder.reset(::openat(folder.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    } else {
      folder.reset();
    }
  }
  if (!folder) {
    throw Error::from_errno(errno, "make " + path);
  }
}

std::vector<std::string> HostTree::mounts_below(const std::string& folder) const {
  std::vector<std::string> below;
  for (const std::string& mount : mounts_) {
    const bool is_with_another = std::any_of(
        below.begin(), below.end(), [&](const std::string& other) { return is_below(mount, other); });
    if (is_below(mount, folder) && !is_own(mount) && !is_with_another) {
      below.push_back(mount);
    }
  }
  return below;
}

// ':' parts lower folders there, ',' options.
std::string overlay_options(const std::string& lower, const std::string& upper, const std::string& work) {
  const auto escaped = [](const std::string& path) {
    std::string text;
    for (const char letter : path) {
      if (letter == ':' || letter == ',' || letter == '\\') {
        text += '\\';
      }
      text += letter;
    }
    return text;
  };
  return "userxattr,lowerdir=" + escaped(lower) + ",upperdir=" + escaped(upper) + ",workdir=" + escaped(work);
}

std::vector<std::string> mount_points(std::string_view mountinfo) {
  std::vector<std::string> points;
  while (!mountinfo.empty()) {
    const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    for (int field = 0; field < 4; ++field) {
      line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
    }
    std::string point;
    for (line = line.substr(0, line.find(' ')); !line.empty();) {
      // Space, tab, line feed and backslash are written as \040 and so on.
      const bool is_escaped = line.size() >= 4 && line[0] == '\\';
      point += is_escaped ? static_cast<char>((line[1] - '0') * 64 + (line[2] - '0') * 8 + (line[3] - '0'))
                          : line[0];
      line.remove_prefix(is_escaped ? 4 : 1);
    }
    if (!point.empty() && std::find(points.begin(), points.end(), point) == points.end()) {
      points.push_back(std::move(point));
    }
  }
  return points;
}

}  // namespace labctl::kernel
