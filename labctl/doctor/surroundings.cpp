#include "labctl/doctor/surroundings.hpp"

#include "topology/base/text_file.hpp"

#include "topology/kernel/program_lookup.hpp"

#include <pwd.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace labctl::doctor {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::string result = text_of_file(path.string());
  while (!result.empty() && (result.back() == '\n' || result.back() == '\0')) {
    result.pop_back();
  }
  return result;
}

bool has_variable(const char* name) { return std::getenv(name) != nullptr; }

// "Seccomp:\t2" -> "2".
std::string status_field(const std::string& status, std::string_view name) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') {
      const size_t start = line.find_first_not_of(" \t", name.size() + 1);
      return start == std::string::npos ? "" : line.substr(start);
    }
  }
  return "";
}

std::string login_name(uid_t uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

// subuid(5): "name-or-uid:first:count" a line.
int subordinate_ids(const fs::path& file, const std::string& user, uid_t uid) {
  std::ifstream lines(file);
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string owner = line.substr(0, first);
    if (owner == user || owner == std::to_string(uid)) {
      count += std::atoi(line.c_str() + second + 1);
    }
  }
  return count;
}

// proc(5), mountinfo: the fifth field is the mount point. In a chroot no mount is seen at "/", unless the
// folder is itself a mount point.
void read_mountinfo(const fs::path& file, Surroundings& surroundings) {
  std::ifstream lines(file);
  bool has_root = false;
  bool has_line = false;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point;
    fields >> id >> parent >> device >> root >> point;
    has_line = true;
    has_root = has_root || point == "/";
    // Mounted by systemd where something asks for them; a fresh /proc does without.
    if (point.starts_with("/proc/") && !point.starts_with("/proc/sys/fs/binfmt_misc")) {
      surroundings.proc_overmounts.push_back(point);
    }
  }
  surroundings.is_chroot = has_line && !has_root;
}

Container read_container(const fs::path& root) {
  if (has_variable("KUBERNETES_SERVICE_HOST")) {
    return Container::Kubernetes;
  }
  if (fs::exists(root / ".dockerenv")) {
    return Container::Docker;
  }
  if (fs::exists(root / "run/.containerenv")) {
    return Container::Podman;
  }
  // systemd(1): managers of containers set `container` for what they start.
  const char* name = std::getenv("container");
  const std::string kind = name != nullptr ? name : read_text(root / "run/systemd/container");
  if (kind.empty()) {
    return Container::None;
  }
  return kind == "docker"                         ? Container::Docker
         : kind == "podman"                       ? Container::Podman
         : kind == "lxc" || kind == "lxc-libvirt" ? Container::Lxc
                                                  : Container::Unknown;
}

CiSystem read_ci() {
  return has_variable("GITHUB_ACTIONS") ? CiSystem::GitHubActions
         : has_variable("GITLAB_CI")    ? CiSystem::GitLab
         : has_variable("CI")           ? CiSystem::Other
                                        : CiSystem::None;
}

// gVisor's kernel log begins "Starting gVisor..."; there it is readable by anybody.
bool read_gvisor(const fs::path& root) {
  constexpr int kReadAll = 3;  // SYSLOG_ACTION_READ_ALL, syslog(2)
  std::array<char, 4096> log{};
  const int n = root == "/" ? ::klogctl(kReadAll, log.data(), log.size()) : -1;
  const std::string_view text(log.data(), n > 0 ? static_cast<size_t>(n) : 0);
  return text.find("Starting gVisor") != std::string_view::npos ||
         read_text(root / "proc/version").find("gVisor") != std::string::npos;
}

// An empty argument is EINVAL where the call exists.
bool is_clone3_missing() { return ::syscall(SYS_clone3, nullptr, 0) == -1 && errno == ENOSYS; }

}  // namespace

Surroundings read_surroundings(const fs::path& root) {
  Surroundings surroundings;
  surroundings.euid = ::geteuid();
  surroundings.user = login_name(surroundings.euid);
  surroundings.subordinate_uids =
      std::min(subordinate_ids(root / "etc/subuid", surroundings.user, surroundings.euid),
               subordinate_ids(root / "etc/subgid", surroundings.user, surroundings.euid));
  surroundings.has_newuidmap = kernel::is_installed("newuidmap", kernel::own_path()) &&
                               kernel::is_installed("newgidmap", kernel::own_path());

  const std::string status = read_text(root / "proc/self/status");
  surroundings.seccomp_mode = std::atoi(status_field(status, "Seccomp").c_str());
  surroundings.clone3_is_missing = is_clone3_missing();

  if (const std::string clone = read_text(root / "proc/sys/kernel/unprivileged_userns_clone");
      !clone.empty()) {
    surroundings.unprivileged_userns_clone = std::atoi(clone.c_str());
  }
  surroundings.apparmor_restricts_userns =
      read_text(root / "proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1";
  surroundings.apparmor_label = read_text(root / "proc/self/attr/apparmor/current");
  if (surroundings.apparmor_label.empty() &&
      read_text(root / "sys/module/apparmor/parameters/enabled") == "Y") {
    surroundings.apparmor_label = read_text(root / "proc/self/attr/current");
  }
  read_mountinfo(root / "proc/self/mountinfo", surroundings);

  surroundings.container = read_container(root);
  surroundings.ci = read_ci();
  surroundings.is_gvisor = read_gvisor(root);
  utsname name{};
  if (::uname(&name) == 0) {
    surroundings.kernel = name.release;
  }
  std::error_code ignored;
  surroundings.program = fs::read_symlink("/proc/self/exe", ignored).string();
  return surroundings;
}

std::string to_string(Container container) {
  switch (container) {
    case Container::None:
      return "none";
    case Container::Docker:
      return "Docker";
    case Container::Podman:
      return "Podman";
    case Container::Kubernetes:
      return "Kubernetes";
    case Container::Lxc:
      return "LXC";
    case Container::Unknown:
      return "a container";
  }
  return "";
}

std::string to_string(CiSystem ci) {
  switch (ci) {
    case CiSystem::None:
      return "none";
    case CiSystem::GitHubActions:
      return "GitHub Actions";
    case CiSystem::GitLab:
      return "GitLab CI";
    case CiSystem::Other:
      return "CI";
  }
  return "";
}

}  // namespace labctl::doctor
