#include "labctl/doctor/explain.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace labctl::doctor {
namespace {

// What the functions of kernel/capsule.hpp say they did, and the step that is.
// Longer acts before their beginnings.
constexpr std::array<std::pair<std::string_view, HostStep>, 14> kActs{{
    {"unshare", HostStep::Namespaces},
    {"write /proc/self/setgroups", HostStep::MapIds},
    {"write /proc/self/uid_map", HostStep::MapIds},
    {"write /proc/self/gid_map", HostStep::MapIds},
    {"mount none on /", HostStep::PrivateMounts},
    {"mount proc on /proc", HostStep::MountProc},
    {"mount sysfs on /sys", HostStep::MountSysfs},
    {"mount tmpfs on /run", HostStep::MountTmpfs},
    {"mount devpts on /dev/pts", HostStep::MountDevpts},
    {"make the tree of containers", HostStep::HostTree},
    {"mount /proc/", HostStep::ProtectSysctls},
    {"remount /proc/", HostStep::ProtectSysctls},
    {"open /proc/sys/net", HostStep::ProtectSysctls},
    {"open_tree /proc/sys/net", HostStep::ProtectSysctls},
}};

struct Reason {
  std::string message;
  std::string remedy;
};

struct StepName {
  std::string_view id;
  std::string_view title;
};

StepName name_of(HostStep step) {
  switch (step) {
    case HostStep::UserNamespace:
      return {"userns", "user namespaces"};
    case HostStep::Namespaces:
      return {"namespaces", "mount, PID, network, UTS, IPC and cgroup namespaces"};
    case HostStep::MapIds:
      return {"idmap", "mapping our own id"};
    case HostStep::MapIdRange:
      return {"idrange", "mapping a range of ids"};
    case HostStep::PrivateMounts:
      return {"mounts", "private mounts"};
    case HostStep::MountProc:
      return {"proc", "a fresh /proc"};
    case HostStep::ProtectSysctls:
      return {"sysctls", "/proc/sys read-only"};
    case HostStep::MountSysfs:
      return {"sysfs", "a fresh /sys"};
    case HostStep::MountTmpfs:
      return {"tmpfs", "a private /run"};
    case HostStep::MountDevpts:
      return {"devpts", "terminals of its own"};
    case HostStep::HostTree:
      return {"hosttree", "the host's files, read-only, for containers"};
    case HostStep::NetworkNamespace:
      return {"netns", "a network namespace for a pod"};
    case HostStep::Veth:
      return {"veth", "a veth pair between two namespaces"};
    case HostStep::Bridge:
      return {"bridge", "a bridge"};
    case HostStep::Vxlan:
      return {"vxlan", "a VXLAN link"};
    case HostStep::Forwarding:
      return {"forwarding", "forwarding between links"};
    case HostStep::Nat:
      return {"nat", "an nftables chain that masquerades"};
    case HostStep::Ping:
      return {"ping", "a packet across the pair"};
    case HostStep::RawSocket:
      return {"icmp", "raw ICMP sockets"};
    case HostStep::SctpSocket:
      return {"sctp", "SCTP sockets"};
    case HostStep::SeccompFilter:
      return {"seccomp", "installing a seccomp filter"};
  }
  return {};
}

bool every_lab_needs(HostStep step) {
  switch (step) {
    case HostStep::MapIdRange:
    case HostStep::Vxlan:
    case HostStep::RawSocket:
    case HostStep::SctpSocket:
    case HostStep::SeccompFilter:
      return false;
    default:
      return true;
  }
}

bool is_refusal(int errno_value) { return errno_value == EPERM || errno_value == EACCES; }

bool is_absence(int errno_value) {
  switch (errno_value) {
    case EOPNOTSUPP:
    case ENOENT:
    case ENODEV:
    case ENOSYS:
    case EINVAL:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case EAFNOSUPPORT:
    case EPFNOSUPPORT:
      return true;
    default:
      return false;
  }
}

// How the one who started our container, or the job we are, allows namespaces.
Reason container_refuses(const Surroundings& s, const std::string& what) {
  if (s.ci == CiSystem::GitLab) {
    return {
        what + "; a GitLab job cannot ask for more, its runner's owner can, or give a shell or VM executor",
        "set privileged = true under [runners.docker] in the runner's config.toml"};
  }
  if (s.ci == CiSystem::GitHubActions) {
    return {what, "give the job's container: the line `options: --privileged`"};
  }
  switch (s.container) {
    case Container::Podman:
      return {what, "podman run --privileged ..."};
    case Container::Kubernetes:
      return {what, "set securityContext: {privileged: true} for the container"};
    case Container::Lxc:
      return {what, "lxc config set CONTAINER security.nesting true"};
    case Container::None:
    case Container::Docker:
    case Container::Unknown:
      break;
  }
  return {what +
              "; narrower than the remedy: --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt "
              "apparmor=unconfined --security-opt systempaths=unconfined",
          "docker run --privileged ..."};
}

// Ubuntu 23.10 and later: a program without a profile gets a user namespace, but no capability in it.
Reason apparmor_refuses(const Surroundings& s) {
  const std::string message =
      "AppArmor gives programs without a profile no capability in a user namespace "
      "(kernel.apparmor_restrict_unprivileged_userns is 1)";
  if (s.ci == CiSystem::GitHubActions) {
    return {message + "; the runner image ubuntu-22.04 does not restrict them",
            "add the step: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"};
  }
  if (s.ci != CiSystem::None || s.program.empty()) {
    return {message, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"};
  }
  return {
      message + "; the remedy gives labctl a profile that allows it, and nothing else changes",
      "printf 'abi <abi/4.0>,\\nprofile labctl " + s.program +
          " flags=(unconfined) { userns, }\\n' | sudo tee /etc/apparmor.d/labctl && sudo apparmor_parser -r "
          "/etc/apparmor.d/labctl"};
}

Reason gvisor_refuses() {
  return {
      "this is gVisor, whose network stack is its own: bridges, conntrack and nftables are missing or "
      "partial",
      "run labctl in a virtual machine: cd vagrant && vagrant up"};
}

bool is_confined_by_profile(const Surroundings& s) {
  return !s.apparmor_label.empty() && !s.apparmor_label.starts_with("unconfined");
}

// A seccomp filter that a container engine installed; others, such as
// systemd's, answer clone3 as the kernel does.
bool is_container_filter(const Surroundings& s) {
  return s.seccomp_mode == 2 && (s.container != Container::None || s.clone3_is_missing);
}

Reason limit_reached(HostStep step, std::string_view kind) {
  const std::string name = step == HostStep::UserNamespace      ? "user"
                           : step == HostStep::NetworkNamespace ? "net"
                           : kind.empty()                       ? "net"
                                                                : std::string(kind);
  const std::string sysctl = "user.max_" + name + "_namespaces";
  return {"the limit " + sysctl +
              " is reached; hardened hosts set it to 0 (in a nested namespace, one above may be "
              "the one that counts)",
          "sudo sysctl -w " + sysctl + "=28633"};
}

Reason namespaces_refused(HostStep step, int errno_value, const Surroundings& s, std::string_view kind) {
  if (errno_value == ENOSPC || errno_value == EUSERS) {
    return limit_reached(step, kind);
  }
  if (errno_value == EINVAL) {
    return {"the kernel " + s.kernel + " is built without " +
                (step == HostStep::UserNamespace ? std::string("user")
                                                 : std::string(kind.empty() ? "these" : kind)) +
                " namespaces",
            "boot a kernel with them, as every distribution's is; or a machine of its own: cd vagrant && "
            "vagrant up"};
  }
  if (errno_value == ENOSYS) {
    return {"this system does not know namespaces: an emulation of Linux, or a filter that says so",
            "run labctl in a virtual machine: cd vagrant && vagrant up"};
  }
  if (!is_refusal(errno_value)) {
    return {};
  }
  if (s.is_chroot) {
    return {"inside a chroot the kernel refuses user namespaces",
            "leave the chroot and start labctl outside"};
  }
  if (step == HostStep::UserNamespace && s.unprivileged_userns_clone == 0) {
    return {"this kernel lets only root make user namespaces (kernel.unprivileged_userns_clone is 0)",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1"};
  }
  if (is_container_filter(s)) {
    return container_refuses(
        s, "the seccomp filter of this container refuses namespaces, as Docker's default does");
  }
  if (s.seccomp_mode == 2) {
    return {
        "a seccomp filter on this process refuses namespaces, as RestrictNamespaces= of a systemd unit does",
        "set RestrictNamespaces=no in the unit that starts labctl, or start it elsewhere"};
  }
  if (s.apparmor_restricts_userns && !is_confined_by_profile(s)) {
    return apparmor_refuses(s);
  }
  if (s.container != Container::None) {
    return container_refuses(s, "this container was started without the capabilities that namespaces take");
  }
  if (is_confined_by_profile(s)) {
    return {"the AppArmor profile \"" + s.apparmor_label + "\" refuses namespaces",
            "add `userns,` to the profile, or start labctl without it"};
  }
  return {"a security module or policy of this host refuses namespaces; the kernel log may name it",
          "sudo dmesg | tail"};
}

Reason masked(const Surroundings& s, std::string_view place) {
  std::string covered;
  for (const std::string& point : s.proc_overmounts) {
    covered += (covered.empty() ? "" : " ") + point;
  }
  const std::string message = "the kernel allows a fresh " + std::string(place) +
                              " only where nothing of the present one is covered; covered: " +
                              (covered.empty() ? "parts of it, or it is read-only" : covered);
  switch (s.container) {
    case Container::Podman:
      return {message, "podman run --security-opt unmask=ALL ..."};
    case Container::Kubernetes:
      return {message, "set securityContext: {procMount: Unmasked} for the container"};
    case Container::Lxc:
      return {message, "lxc config set CONTAINER security.nesting true"};
    case Container::Docker:
      return {message, "docker run --security-opt systempaths=unconfined ..."};
    case Container::None:
    case Container::Unknown:
      break;
  }
  return {message, covered.empty() ? "docker run --security-opt systempaths=unconfined ..."
                                   : "sudo umount " + covered};
}

Reason mount_refused(HostStep step, int errno_value, const Surroundings& s) {
  if (!is_refusal(errno_value)) {
    return {};
  }
  // The userns restriction before the profile: Ubuntu moves the program into "unprivileged_userns" itself.
  if (errno_value == EACCES && s.apparmor_restricts_userns &&
      (!is_confined_by_profile(s) || s.apparmor_label.starts_with("unprivileged_userns"))) {
    return apparmor_refuses(s);
  }
  if (errno_value == EACCES && is_confined_by_profile(s)) {
    return {"the AppArmor profile \"" + s.apparmor_label + "\" denies mounts, whatever the capabilities",
            s.container == Container::Podman ? "podman run --security-opt apparmor=unconfined ..."
            : s.container == Container::None ? "start labctl without the profile: sudo aa-disable PROFILE"
                                             : "docker run --security-opt apparmor=unconfined ..."};
  }
  if (step == HostStep::MountProc && !s.proc_overmounts.empty()) {
    return masked(s, "/proc");
  }
  if (is_container_filter(s)) {
    return container_refuses(s,
                             "the seccomp filter of this container refuses mounts, as Docker's default does");
  }
  if (step == HostStep::MountProc || step == HostStep::MountSysfs) {
    return masked(s, step == HostStep::MountProc ? "/proc" : "/sys");
  }
  return {"a security module or filter of this host refuses mounts; the kernel log may name it",
          "sudo dmesg | tail"};
}

Reason feature_missing(const std::string& what, const std::string& modules, const Surroundings& s) {
  return {"the kernel " + s.kernel + " has no " + what + ": the module is not loaded, or was not built",
          "sudo modprobe -a " + modules};
}

Reason link_refused(HostStep step, int errno_value, const Surroundings& s, std::string_view detail) {
  if (step == HostStep::Forwarding && is_refusal(errno_value)) {
    return masked(s, "/proc");
  }
  if (is_refusal(errno_value)) {
    return container_refuses(s, "the capability CAP_NET_ADMIN is missing or filtered");
  }
  if (errno_value == ETIMEDOUT && step == HostStep::Ping) {
    return {"a packet sent into one end did not come out of the other", "labctl doctor -o json"};
  }
  if (!is_absence(errno_value)) {
    return {};
  }
  switch (step) {
    case HostStep::Veth:
      return feature_missing("veth links", "veth", s);
    case HostStep::Bridge:
      return feature_missing("bridges", "bridge br_netfilter", s);
    case HostStep::Vxlan: {
      Reason reason = feature_missing("VXLAN links", "vxlan", s);
      reason.message += "; labs with network mode vxlan do not run, routed ones do";
      return reason;
    }
    case HostStep::Nat: {
      Reason reason = feature_missing("nftables NAT", "nf_tables nft_chain_nat nft_masq nft_ct", s);
      if (!detail.empty()) {
        reason.message += " (" + std::string(detail) + ")";
      }
      return reason;
    }
    case HostStep::SctpSocket: {
      Reason reason = feature_missing("SCTP", "sctp", s);
      reason.message += "; SCTP ports and probes are not available, all else is";
      return reason;
    }
    case HostStep::SeccompFilter:
      return {
          "the kernel has no seccomp filters: programs that change their user, such as nginx, do not start "
          "where "
          "one id is mapped",
          "sudo apt-get install uidmap"};
    default:
      return {};
  }
}

// Of root, who needs no program for it: a user namespace, its maps or the mounts in it are refused.
Reason root_range_refused(int errno_value, std::string_view detail) {
  std::string what(detail);
  if (what.find(errno_name(errno_value)) == std::string::npos) {
    what += std::string(what.empty() ? "" : ": ") + std::strerror(errno_value);
  }
  Reason reason{"labs map no ids of their own, and their programs run as root: " + what,
                "labctl as an ordinary user"};
  if (errno_value == ENOSPC || errno_value == EUSERS) {
    reason.remedy = limit_reached(HostStep::UserNamespace, "user").remedy;
  }
  return reason;
}

Reason id_range_refused(int errno_value, const Surroundings& s, std::string_view detail) {
  if (s.euid == 0) {
    return root_range_refused(errno_value, detail);
  }
  return {
      "newuidmap refused the ranges of /etc/subuid and /etc/subgid; labs map one id instead, and programs "
      "that "
      "change their user run under a filter",
      s.container != Container::None ? "labctl needs no range: nothing to mend"
                                     : "sudo apt-get install --reinstall uidmap"};
}

Reason reason_for(HostStep step, int errno_value, const Surroundings& s, std::string_view detail) {
  if (s.is_gvisor) {
    return gvisor_refuses();
  }
  switch (step) {
    case HostStep::UserNamespace:
    case HostStep::Namespaces:
    case HostStep::NetworkNamespace:
      return namespaces_refused(step, errno_value, s, detail);
    case HostStep::MapIds:
      return is_refusal(errno_value) ? namespaces_refused(step, errno_value, s, detail) : Reason{};
    case HostStep::MapIdRange:
      return id_range_refused(errno_value, s, detail);
    case HostStep::PrivateMounts:
    case HostStep::MountProc:
    case HostStep::ProtectSysctls:
    case HostStep::MountSysfs:
    case HostStep::MountTmpfs:
    case HostStep::MountDevpts:
    case HostStep::HostTree:
      return mount_refused(step, errno_value, s);
    case HostStep::Veth:
    case HostStep::Bridge:
    case HostStep::Vxlan:
    case HostStep::Forwarding:
    case HostStep::Nat:
    case HostStep::Ping:
    case HostStep::RawSocket:
    case HostStep::SctpSocket:
    case HostStep::SeccompFilter:
      return link_refused(step, errno_value, s, detail);
  }
  return {};
}

// For what no row of the table covers: the kernel's words, and where to look.
Reason plain(int errno_value, std::string_view detail) {
  if (errno_value == ETIMEDOUT) {
    return {"it neither succeeded nor failed in time", "labctl doctor -o json"};
  }
  std::string message = std::strerror(errno_value);
  if (!detail.empty()) {
    message = std::string(detail) + ": " + message;
  }
  return {message, "sudo dmesg | tail"};
}

}  // namespace

std::string_view title_of(HostStep step) { return name_of(step).title; }
std::string_view id_of(HostStep step) { return name_of(step).id; }

std::optional<HostStep> step_of(const Error& error) {
  for (const auto& [act, step] : kActs) {
    const size_t place = error.message().find(act);
    if (place == std::string::npos) {
      continue;
    }
    // "mount /proc/" stands for all below; the other acts are whole, and their cause follows a colon.
    if (act.ends_with("/proc/") || error.message().substr(place + act.size(), 1) == ":") {
      return step;
    }
  }
  return std::nullopt;
}

HostItem explain(HostStep step, int errno_value, const Surroundings& surroundings, std::string_view detail) {
  HostItem item;
  item.id = id_of(step);
  item.title = title_of(step);
  if (errno_value == 0) {
    item.value = "ok";
    return item;
  }
  Reason reason = reason_for(step, errno_value, surroundings, detail);
  if (reason.message.empty()) {
    reason = plain(errno_value, detail);
  }
  item.value = errno_name(errno_value);
  item.verdict = every_lab_needs(step) ? HostVerdict::Fail : HostVerdict::Warn;
  item.message = std::move(reason.message);
  item.remedy = std::move(reason.remedy);
  return item;
}

}  // namespace labctl::doctor
