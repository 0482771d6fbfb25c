#include "topology/kernel/mount_plan.hpp"

#include "topology/base/error.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/mount_calls.hpp"
#include "topology/kernel/program_lookup.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::kernel {
namespace {

using Call = ChildStep::Call;

// What a container may write into its layers and the folders that are its own.
constexpr const char* kScratchOptions = "mode=0755,size=256m,nr_inodes=65536";
constexpr std::string_view kRun = "/run";
constexpr const char* kShm = "/dev/shm";

// Where what the child has to itself is, until it is shown in its place.
std::string own_place(const std::string& path) { return std::string(kScratch) + "/own" + path; }

// Whether the kernel lets us write what only the host's root may: then we are that root.
bool is_host_root() {
  struct stat status {};
  return ::stat("/proc/sys/kernel", &status) == 0 && status.st_uid == ::geteuid();
}

class MountPlanner {
 public:
  MountPlanner(ChildPlan& plan, const MountView& view, bool has_pid_namespace)
      : plan_(plan),
        view_(view),
        own_folders_(view.root.empty() ? view.tree->own_folders() : own_folders_of_image()),
        has_pid_namespace_(has_pid_namespace) {}

  void mount_view() {
    add_mount("mount scratch", "tmpfs", kScratch, "tmpfs", MS_NOSUID | MS_NODEV, kScratchOptions);
    std::string top;
    if (view_.root.empty()) {
      begin_with_tree();
    } else {
      top = begin_with_root();
    }
    if (view_.fresh_sysfs) {
      add_mount("mount sysfs", "sysfs", top + "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY);
      // It is there already when the process stays in our network namespace.
      plan_.steps.back().tolerated = EBUSY;
    }
    if (has_pid_namespace_) {
      mount_proc(top);
      add_mount("mount devpts", "devpts", top + "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                "newinstance,ptmxmode=0666,mode=0620");
    }
    mount_binds(top);
    mask_host_settings(top);
    // Last, and /run at the end: what is bound in them is there by now, and kScratch is below it.
    for (const HostTree::OwnFolder& own : own_folders_) {
      add_mount("show its own " + own.path, own_place(own.path), top + own.path, "", MS_BIND | MS_REC);
    }
    if (view_.is_read_only) {
      make_read_only(top);
    }
    if (!top.empty()) {
      add(Call::EnterRoot, "enter root " + view_.root).target = top;
    }
  }

 private:
  ChildStep& add(Call call, std::string act) { return add_step(plan_, call, std::move(act)); }

  // It brings its own /tmp and /run.
  static const std::vector<HostTree::OwnFolder>& own_folders_of_image() {
    static const std::vector<HostTree::OwnFolder> kFolders{{kShm, 01777}};
    return kFolders;
  }
  bool is_own(const std::string& path) const { return view_.root.empty() && view_.tree->is_own(path); }

  void make_own_folders() {
    add_folder("what is its own", own_place(""));
    for (const HostTree::OwnFolder& own : own_folders_) {
      for (std::size_t end = 0; end != std::string::npos;) {
        end = own.path.find('/', end + 1);
        add_folder("what is its own", own_place(own.path.substr(0, end)));
      }
      plan_.steps.back().number = static_cast<int>(own.mode);
      for (const std::string& name : own.folders) {
        add_folder("what is its own", own_place(own.path + "/" + name));
      }
    }
  }

  void begin_with_tree() {
    make_own_folders();
    for (const std::string& folder : view_.tree->layered()) {
      show_layer(folder);
    }
  }

  std::string begin_with_root() {
    const std::string lower = std::string(kScratch) + "/lower";
    add_folder("root " + view_.root, lower);
    attach(AT_FDCWD, view_.root.c_str(), lower, "bind root " + view_.root);
    make_own_folders();
    std::string top = add_layer(lower, view_.root);
    for (const char* folder : {"/proc", "/sys", "/dev", "/etc", "/tmp"}) {
      // Absent, or a link that might lead out of the tree once it is followed from here.
      if (resolve_in_root(view_.root, folder) != folder) {
        add(Call::Unlink, "make " + std::string(folder)).target = top + folder;
        add(Call::Mkdir, "make " + std::string(folder)).target = top + folder;
      }
    }
    if (!has_pid_namespace_) {
      add_mount("bind /proc", "/proc", top + "/proc", "", MS_BIND | MS_REC);
    }
    add_mount("bind /dev", "/dev", top + "/dev", "", MS_BIND | MS_REC);
    return top;
  }

  void add_mount(std::string act, std::string source, std::string target, std::string type,
                 unsigned long flags, std::string data = {}) {
    ChildStep& step = add(Call::Mount, std::move(act));
    step.source = std::move(source);
    step.target = std::move(target);
    step.type = std::move(type);
    step.flags = flags;
    step.data = std::move(data);
  }

  // What is the child's own to write; what is bound over it stays as it is.
  void make_read_only(const std::string& top) {
    std::vector<std::string> folders(layered_.begin(), layered_.end());
    for (const HostTree::OwnFolder& own : own_folders_) {
      folders.push_back(own.path);
    }
    if (!top.empty()) {
      folders.emplace_back();
    }
    for (const std::string& folder : folders) {
      const bool is_bound_over = std::any_of(view_.binds.begin(), view_.binds.end(),
                                             [&](const FileBind& bind) { return bind.target == folder; });
      if (folder != kShm && !is_bound_over) {
        ChildStep& step = add(Call::ReadOnly, "make " + folder + " read-only");
        step.target = top + folder;
        step.number = 1;
      }
    }
  }

  void mount_binds(const std::string& top) {
    std::vector<const FileBind*> binds;
    for (const FileBind& bind : view_.binds) {
      binds.push_back(&bind);
    }
    // What holds others before what it holds.
    std::stable_sort(binds.begin(), binds.end(), [](const FileBind* one, const FileBind* other) {
      return one->target.size() < other->target.size();
    });
    // Layers first: one put on later would hide what was bound below it.
    std::vector<std::string> places;
    for (std::size_t index = 0; index < binds.size(); ++index) {
      const std::size_t holder = holder_of(binds, index);
      places.push_back(holder == index
                           ? make_place(*binds[index], top)
                           : places[holder] + binds[index]->target.substr(binds[holder]->target.size()));
    }
    for (std::size_t index = 0; index < places.size(); ++index) {
      const FileBind& bind = *binds[index];
      const bool is_open = bind.held != nullptr;
      attach(is_open ? bind.held->get() : AT_FDCWD, is_open ? "" : bind.source.c_str(), places[index],
             "bind over " + bind.target);
      if (bind.read_only) {
        add(Call::ReadOnly, "make " + bind.target + " read-only").target = places[index];
      }
    }
  }

  // What is ours belongs to our mount namespace, and cannot be bound from another: it is taken now.
  void attach(int folder, const char* path, const std::string& place, const std::string& act) {
    UniqueFd mount = take_mount(folder, path, Below::Too);
    if (!mount) {
      throw Error::from_errno(errno, act);
    }
    ChildStep& step = add(Call::Attach, act);
    step.fd = mount.get();
    plan_.mounts.push_back(std::move(mount));
    step.target = place;
  }

  // The nearest bind before it over whose folder it goes; itself if there is none.
  static std::size_t holder_of(const std::vector<const FileBind*>& binds, std::size_t index) {
    for (std::size_t other = index; other > 0; --other) {
      if (binds[index]->target.starts_with(binds[other - 1]->target + "/")) {
        return other - 1;
      }
    }
    return index;
  }

  // A procfs of the child's PID namespace. What of it is the host's root's alone is so for us too, unless we are that
  // root: then our own mounts keep settings of the host read-only, and what tells of the machine is masked.
  void mount_proc(const std::string& top) {
    constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    add_mount("mount /proc", "proc", top + "/proc", "proc", kFlags);
    mask("/proc/keys", top);
    if (!is_host_root()) {
      return;
    }
    for (const char* part : {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"}) {
      if (::access(part, F_OK) == 0) {
        attach(AT_FDCWD, part, top + part, std::string("bind ") + part);
      }
    }
    // What container engines hide: memory, keys and timers of the whole machine.
    for (const char* file : {"/proc/kcore", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                             "/proc/sched_debug"}) {
      mask(file, top);
    }
  }

  // What is there in our own /proc is there in the child's.
  void mask(const char* file, const std::string& top) {
    if (::access(file, F_OK) == 0) {
      add_mount(std::string("mask ") + file, "/dev/null", top + file, "", MS_BIND);
    }
  }

  // Among the network's settings, which are the lab's to write, some reach beyond their namespace: writing 1
  // here turns a switch of the whole kernel that nothing turns back (net/netfilter/nf_hooks_lwtunnel.c).
  void mask_host_settings(const std::string& top) { mask("/proc/sys/net/netfilter/nf_hooks_lwtunnel", top); }

  // A writable layer over the folder `lower`, which stays as it is; returns where it is seen.
  // `ours` is the folder as we see it, whose mode it has.
  std::string add_layer(const std::string& lower, const std::string& ours) {
    const std::string layer = std::string(kScratch) + "/" + std::to_string(layers_++);
    for (const std::string& folder : {layer, layer + "/work", layer + "/merged", layer + "/upper"}) {
      add_folder("layer over " + lower, folder);
    }
    struct stat status {};
    plan_.steps.back().number =
        ::stat(ours.c_str(), &status) == 0 ? static_cast<int>(status.st_mode & 01777) : 0;
    add_mount("layer over " + lower, "overlay", layer + "/merged", "overlay", 0,
              overlay_options(lower, layer + "/upper", layer + "/work"));
    return layer + "/merged";
  }

  // In its place, with what is mounted below it.
  void show_layer(const std::string& folder) {
    const std::string merged = add_layer(folder, folder);
    std::vector<std::string> mounts = view_.tree->mounts_below(folder);
    std::copy_if(layered_.begin(), layered_.end(), std::back_inserter(mounts),
                 [&](const std::string& other) { return other.starts_with(folder + "/"); });
    for (const std::string& mount : mounts) {
      add_mount("bind " + mount, mount, merged + mount.substr(folder.size()), "", MS_BIND | MS_REC);
    }
    add_mount("show the layer over " + folder, merged, folder, "", MS_MOVE);
    layered_.insert(folder);
  }

  // Where to mount, as seen before the new root is entered; made if it is not there.
  std::string make_place(const FileBind& bind, const std::string& top) {
    struct stat source {};
    if (::stat(bind.source.c_str(), &source) != 0) {
      throw Error::from_errno(errno, "bind " + bind.source);
    }
    const std::size_t slash = bind.target.rfind('/');
    if (bind.target.empty() || bind.target.front() != '/' || slash + 1 == bind.target.size()) {
      throw Error(ErrorKind::InvalidInput,
                  "bind over " + bind.target + ": not an absolute path of a file or folder");
    }
    const bool is_folder = S_ISDIR(source.st_mode);
    if (!view_.root.empty()) {
      return is_shm(bind.target) ? add_own_place(bind.target, bind.target, is_folder)
                                 : top + place_in_root(bind, top, is_folder);
    }
    // Not looked for on the host, which has other files there.
    if (const std::string path = std::filesystem::path(bind.target).lexically_normal(); is_own(path)) {
      return add_own_place(bind.target, path, is_folder);
    }
    const std::optional<std::string> found = resolve_in_root("", bind.target);
    if (found && is_own(*found)) {
      return add_own_place(bind.target, *found, is_folder);
    }
    return found ? *found : add_missing_place(bind, is_folder);
  }

  static bool is_shm(const std::string& path) { return (path + "/").starts_with(std::string(kShm) + "/"); }

  std::string add_own_place(const std::string& target, const std::string& path, bool is_folder) {
    std::string place = own_place(path);
    for (std::size_t end = place.find('/', own_place("").size() + 1); end != std::string::npos;
         end = place.find('/', end + 1)) {
      add_folder(target, place.substr(0, end));
    }
    add(is_folder ? Call::Mkdir : Call::MakeFile, "make " + target).target = place;
    return place;
  }

  void add_folder(const std::string& what, const std::string& path) {
    add(Call::Mkdir, "make folder " + path + " for " + what).target = path;
  }

  // In our own tree: nothing is there to mount over, or only a link to what the lab does not have. A layer
  // over the nearest folder that is there takes the new ones.
  std::string add_missing_place(const FileBind& bind, bool is_folder) {
    std::size_t slash = bind.target.rfind('/');
    std::optional<std::string> folder;
    while (slash > 0 && !(folder = resolve_in_root("", bind.target.substr(0, slash)))) {
      slash = bind.target.rfind('/', slash - 1);
    }
    const std::string real = folder.value_or("") + bind.target.substr(slash);
    if (is_own(real)) {
      return add_own_place(bind.target, real, is_folder);
    }
    if (!folder) {
      view_.tree->make_in_root(real, is_folder);
      return real;
    }
    if (!std::filesystem::is_directory(*folder)) {
      throw Error(ErrorKind::InvalidInput, "bind over " + bind.target + ": " + *folder + " is no folder");
    }
    // What holds a layer already takes the new folders too.
    if (!is_layered(*folder)) {
      show_layer(*folder);
    }
    std::string place = *folder;
    for (std::size_t end = bind.target.find('/', slash + 1); end != std::string::npos;
         end = bind.target.find('/', end + 1)) {
      place += bind.target.substr(slash, end - slash);
      slash = end;
      add_folder(bind.target, place);
    }
    place += bind.target.substr(slash);
    add_place(bind.target, place, is_folder);
    return place;
  }

  bool is_layered(const std::string& folder) const {
    return std::any_of(layered_.begin(), layered_.end(), [&](const std::string& layered) {
      return folder == layered || folder.starts_with(layered + "/");
    });
  }

  // In another root, where every folder is writable by us: links are never followed from out here.
  std::string place_in_root(const FileBind& bind, const std::string& top, bool is_folder) {
    const std::size_t slash = bind.target.rfind('/');
    const std::string wanted_folder = slash == 0 ? "/" : bind.target.substr(0, slash);
    const std::optional<std::string> found = resolve_in_root(view_.root, wanted_folder);
    std::string folder = found.value_or(wanted_folder);
    if (folder == "/") {
      folder.clear();
    }
    if (!found) {
      for (std::size_t end = wanted_folder.find('/', 1);; end = wanted_folder.find('/', end + 1)) {
        add(Call::Mkdir, "make " + wanted_folder).target = top + wanted_folder.substr(0, end);
        if (end == std::string::npos) {
          break;
        }
      }
    }
    const std::string place = folder + bind.target.substr(slash);
    if (resolve_in_root(view_.root, place) != place) {
      add_place(bind.target, top + place, is_folder);
    }
    return place;
  }

  void add_place(const std::string& target, const std::string& place, bool is_folder) {
    add(Call::Unlink, "make " + target).target = place;
    add(is_folder ? Call::Mkdir : Call::MakeFile, "make " + target).target = place;
  }

  ChildPlan& plan_;
  const MountView& view_;
  const std::vector<HostTree::OwnFolder>& own_folders_;
  const bool has_pid_namespace_;
  int layers_ = 0;
  std::set<std::string> layered_;
};

}  // namespace

void plan_mounts(ChildPlan& plan, const MountView& view, bool has_pid_namespace) {
  MountPlanner(plan, view, has_pid_namespace).mount_view();
}

}  // namespace labctl::kernel
