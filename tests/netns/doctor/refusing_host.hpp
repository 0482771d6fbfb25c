#pragma once

// Hosts that refuse, made on one that does not: each function puts the calling process (a fresh child, one
// thread) where labs are refused in one way, and stays there. Nothing of it is seen outside.

#include <sys/types.h>

#include <functional>
#include <string>

namespace labctl::netns {

// A user namespace where we are an ordinary user and make no others: user.max_user_namespaces is 0.
void enter_host_without_user_namespaces();

// An ordinary user in a container whose engine covered parts of /proc: /dev/null over /proc/kcore (or another
// file), a tmpfs over a folder.
void enter_host_with_masked_proc();

// The default seccomp filter of Docker, in the part that concerns us: unshare(2), setns(2) and mount(2) give
// EPERM, clone(2) with any CLONE_NEW flag gives EPERM, clone3(2) gives ENOSYS. `uid` is who we are
// afterwards; 0 stays root.
void enter_host_with_container_filter(uid_t uid);

// Runs `work` in a forked child and returns what it printed to the stream it is given as its result; an
// exception becomes "exception: ...". For work that changes the process for good.
std::string run_in_child(const std::function<std::string()>& work);

}  // namespace labctl::netns
