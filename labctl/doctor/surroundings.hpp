#pragma once

// What a host says of itself: who we are, what confines us, and in what kind of machine we run. Values read
// from /proc and the environment; they explain a refusal and decide nothing by themselves.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace labctl::doctor {

enum class Container { None, Docker, Podman, Kubernetes, Lxc, Unknown };
enum class CiSystem { None, GitHubActions, GitLab, Other };

struct Surroundings {
  // Who we are.
  uid_t euid = 0;
  std::string user;            // login name; the number when there is none
  int subordinate_uids = 0;    // how many ids /etc/subuid and /etc/subgid give us; the smaller of the two
  bool has_newuidmap = false;  // newuidmap and newgidmap are in PATH

  // What confines us.
  int seccomp_mode = 0;                          // 0 none, 1 strict, 2 filter
  bool clone3_is_missing = false;                // clone3(2) gives ENOSYS: Docker's filter answers so
  std::optional<int> unprivileged_userns_clone;  // Debian's sysctl; absent means allowed
  bool apparmor_restricts_userns = false;        // kernel.apparmor_restrict_unprivileged_userns is 1
  std::string apparmor_label;  // "unconfined", "docker-default (enforce)"; empty without AppArmor
  std::vector<std::string> proc_overmounts;  // mount points below /proc, such as /proc/kcore
  bool is_chroot = false;

  // Where we run.
  Container container = Container::None;
  CiSystem ci = CiSystem::None;
  bool is_gvisor = false;
  std::string kernel;   // "6.1.0-18-amd64"
  std::string program;  // /proc/self/exe
};

// Reads `root`/proc, `root`/etc and so on, the environment and the process's own state. Files that are absent
// or unreadable leave their default; never throws for them. Tests give a folder as `root`.
Surroundings read_surroundings(const std::filesystem::path& root = "/");

// "Docker", "Podman", "Kubernetes", "LXC", "a container", "none".
std::string to_string(Container container);
// "GitHub Actions", "GitLab CI", "CI", "none".
std::string to_string(CiSystem ci);

}  // namespace labctl::doctor
