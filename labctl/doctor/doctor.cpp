#include "labctl/doctor/doctor.hpp"

#include "labctl/doctor/sizes.hpp"
#include "labctl/doctor/trial.hpp"
#include "topology/kernel/capsule.hpp"
#include "topology/kernel/program_lookup.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <string>
#include <utility>

namespace labctl::doctor {
namespace {

// The errno of an error; one that crossed a pipe as text has it only in its message, as "... (EPERM)".
int errno_of(const Error& error) {
  if (error.errno_value() != 0) {
    return error.errno_value();
  }
  constexpr int kErrnoMax = 133;
  for (int value = 1; value <= kErrnoMax; ++value) {
    if (error.message().find("(" + errno_name(value) + ")") != std::string::npos) {
      return value;
    }
  }
  return 0;
}

// What the ids of a lab's programs are on the host.
std::string ids_in_words(const kernel::IdPlan& ids) {
  const auto range = [](std::uint32_t first, std::uint32_t count) {
    return std::to_string(first) + "-" + std::to_string(first + count - 1);
  };
  switch (ids.mapping) {
    case kernel::IdMapping::Root:
      return "labs run as this root: " + ids.why_no_range;
    case kernel::IdMapping::RootRange:
      return "programs of root's labs have the user ids " + range(ids.sub_uid, ids.sub_uid_count) +
             " and the group ids " + range(ids.sub_gid, ids.sub_gid_count) + " of this host";
    case kernel::IdMapping::Subordinate:
    case kernel::IdMapping::Single:
      return "labs live in a user namespace";
  }
  return "";
}

std::vector<HostItem> identity_items(const Surroundings& s, const kernel::IdPlan& ids) {
  std::vector<HostItem> items;
  items.push_back({"user", "user", s.user + " (" + std::to_string(s.euid) + ")", HostVerdict::Info,
                   ids_in_words(ids), ""});
  if (s.euid == 0) {
    return items;
  }
  HostItem range{"subuid", "subordinate ids", std::to_string(s.subordinate_uids), HostVerdict::Ok, "", ""};
  if (s.subordinate_uids == 0 || !s.has_newuidmap) {
    range.verdict = HostVerdict::Info;
    range.message =
        std::string(s.has_newuidmap ? "no range in /etc/subuid and /etc/subgid"
                                    : "newuidmap is not installed") +
        ": labs map one id, and programs that change their user run under a filter that lets them";
    range.remedy = s.has_newuidmap
                       ? "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + s.user
                       : "sudo apt-get install uidmap";
  }
  items.push_back(std::move(range));
  return items;
}

std::vector<HostItem> surrounding_items(const Surroundings& s) {
  std::vector<HostItem> items;
  items.push_back({"kernel", "kernel", s.kernel, HostVerdict::Info, "", ""});
  items.push_back(
      {"container", "container", s.is_gvisor ? "gVisor" : to_string(s.container), HostVerdict::Info, "", ""});
  if (s.is_gvisor) {
    HostItem& item = items.back();
    item = explain(HostStep::NetworkNamespace, ENOSYS, s);
    item.id = "container";
    item.title = "container";
    item.value = "gVisor";
  }
  items.push_back({"ci", "continuous integration", to_string(s.ci), HostVerdict::Info, "", ""});
  items.push_back({"confinement", "confinement",
                   "seccomp " +
                       std::string(s.seccomp_mode == 2   ? "filter"
                                   : s.seccomp_mode == 1 ? "strict"
                                                         : "none") +
                       ", AppArmor " + (s.apparmor_label.empty() ? "none" : s.apparmor_label) +
                       (s.is_chroot ? ", chroot" : "") +
                       (s.proc_overmounts.empty() ? "" : ", parts of /proc covered"),
                   HostVerdict::Info, "", ""});
  return items;
}

HostItem tool(const char* id, const char* program, const char* package) {
  const bool is_there = kernel::is_installed(program);
  return {id,
          std::string(program) + " for people",
          is_there ? "found" : "not found",
          is_there ? HostVerdict::Ok : HostVerdict::Info,
          is_there ? "" : "labctl does without; in `labctl exec` and scenarios it shows what the kernel has",
          is_there ? "" : std::string("sudo apt-get install ") + package};
}

HostItem dns_server() {
  const bool is_there = kernel::is_installed("named");
  return {"named",
          "named, the DNS server of labs",
          is_there ? "found" : "not found",
          is_there ? HostVerdict::Ok : HostVerdict::Info,
          is_there ? "" : "labs need it unless their Cluster says dns: {enabled: false}",
          is_there ? "" : "sudo apt-get install bind9"};
}

std::vector<HostItem> option_items() {
  const bool has_tun = ::access("/dev/net/tun", R_OK | W_OK) == 0;
  return {dns_server(),
          {"tun", "/dev/net/tun", has_tun ? "usable" : "not usable", HostVerdict::Info,
           has_tun ? "" : "only programs in pods that make tunnels need it",
           has_tun ? "" : "sudo chmod 0666 /dev/net/tun"},
          tool("iproute2", "ip", "iproute2"),
          tool("nftables", "nft", "nftables")};
}

void append(std::vector<HostItem>& items, std::vector<HostItem> more) {
  items.insert(items.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

HostReport check_host(int pods_wanted) {
  const Surroundings surroundings = read_surroundings();
  const kernel::IdPlan ids = kernel::plan_ids();
  HostReport report;
  // What is tried...
  for (const Trial& trial : try_host()) {
    report.items.push_back(explain(trial.step, trial.errno_value, surroundings, trial.detail));
  }
  // ...for how many pods it does...
  append(report.items, judge_sizes(read_sizes(), pods_wanted, surroundings.euid != 0));
  // ...and what else is worth knowing.
  append(report.items, identity_items(surroundings, ids));
  append(report.items, surrounding_items(surroundings));
  append(report.items, option_items());
  report.can_run = std::none_of(report.items.begin(), report.items.end(),
                                [](const HostItem& item) { return item.verdict == HostVerdict::Fail; });
  return report;
}

Error host_error(const Error& error) {
  const std::optional<HostStep> step = step_of(error);
  const int errno_value = errno_of(error);
  const bool is_explained = error.kind() == ErrorKind::Unsupported && !error.hint().empty();
  if (!step || errno_value == 0 || is_explained) {
    return error;
  }
  const Surroundings surroundings = read_surroundings();
  HostItem item = explain(*step, errno_value, surroundings);
  if (*step == HostStep::Namespaces) {
    for (const Trial& trial : try_namespaces()) {
      item = explain(trial.step, trial.errno_value, surroundings, trial.detail);
    }
  }
  return {ErrorKind::Unsupported, error.message() + ": " + item.message, item.remedy};
}

}  // namespace labctl::doctor
