#pragma once

// Why a host refuses a step of a lab, in words, and the one command that mends it. Pure: the same
// step, errno and surroundings give the same item. The cases are the refusals of Ubuntu's and
// Docker's AppArmor, of container seccomp filters and masked /proc, of hosts that set
// user.max_*_namespaces to 0, of kernels without a feature.

#include "labctl/doctor/surroundings.hpp"
#include "labctl/report/host_report.hpp"
#include "topology/base/error.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace labctl::doctor {

using report::HostItem;
using report::HostVerdict;

// The steps a lab is made of, in the order they are taken.
enum class HostStep {
  UserNamespace,     // unshare(CLONE_NEWUSER)
  Namespaces,        // unshare of mount, PID, network, UTS, IPC and cgroup namespaces
  MapIds,            // writing setgroups, uid_map and gid_map
  MapIdRange,        // newuidmap and newgidmap with the user's subordinate ids; for root, a range of its own
  PrivateMounts,     // making / recursively private
  MountProc,         // a fresh /proc
  ProtectSysctls,    // /proc/sys read-only
  MountSysfs,        // a fresh /sys
  MountTmpfs,        // a private /run
  MountDevpts,       // terminals of the lab's own
  HostTree,          // the host's files as containers see them: binds, mount_setattr, /dev
  NetworkNamespace,  // one more, for a node or a pod
  Veth,              // a pair across two namespaces
  Bridge,
  Vxlan,
  Forwarding,  // a node's own net.ipv4.ip_forward
  Nat,         // an nftables nat chain that masquerades
  Ping,        // a raw ICMP echo across the pair
  RawSocket,   // a raw ICMP socket
  SctpSocket,  // an SCTP socket
  SeccompFilter,
};

// "user namespaces", "a fresh /proc", ...
std::string_view title_of(HostStep step);
// "userns", "proc", ...: the id of the step's item.
std::string_view id_of(HostStep step);

// The step that an Error of kernel::unshare_capsule(), write_single_map() or mount_capsule() comes from, by
// what it says it did; nothing for other errors.
std::optional<HostStep> step_of(const Error& error);

// The item for a step that gave `errno_value`; 0 means that it was done. `detail` says more where
// one step does several things: the kind of namespace that was refused ("net", "mnt", ...), or
// nft's own words, or what keeps root from a range of ids. A refused step is Fail where every lab needs it, Warn where only some do (VXLAN,
// raw ICMP, SCTP, a range of ids, the filter).
HostItem explain(HostStep step, int errno_value, const Surroundings& surroundings,
                 std::string_view detail = {});

}  // namespace labctl::doctor
