#pragma once

// Who we are in the user namespace, and what a container may keep; capabilities(7), user_namespaces(7).

namespace labctl::kernel {

enum class Privilege {
  RealRoot,  // uid 0 of the host: its capabilities reach beyond the lab
  IdRange,   // a user namespace with many ids (subuid): programs may change their uid
  SingleId,  // a user namespace with one id: setuid and chown to others are refused by the kernel
};

// By /proc/self/uid_map. Throws Error if it cannot be read.
Privilege current_privilege();

enum class CapabilityPolicy {
  Keep,
  // What runs in a pod or a node: what container engines give by default (CHOWN, DAC_OVERRIDE, FOWNER,
  // FSETID, KILL, SETGID, SETUID, SETPCAP, SETFCAP, NET_BIND_SERVICE, SYS_CHROOT, AUDIT_WRITE,
  // NET_RAW) and NET_ADMIN. Not MKNOD, which engines can give because they also filter devices.
  // Everything else, SYS_ADMIN first, leaves the bounding set: who can mount could take the masks off
  // the host's settings, in a user namespace too.
  Container,
};

// Applies CapabilityPolicy::Container to the calling thread for good.
// Async-signal-safe. Returns 0 or an errno.
int drop_to_container_capabilities() noexcept;

}  // namespace labctl::kernel
