#pragma once

// The host as text: links, addresses, routes, rules, neighbours, nftables ruleset, sysctls and mounts. Taken
// before and after a test, the two must be the same to the byte: a lab leaves nothing behind.

#include <string>

namespace labctl::support {

// Sections headed "== name ==", each sorted or in the kernel's order. Counters, timers and entries
// that the kernel changes by itself (handles, learned neighbours, random ids) are left out. Links and
// rules come from `ip` and `nft` where they are installed, sysctls from /proc/sys/net and
// /proc/sys/kernel, and from /proc/sys/user and /proc/sys/vm.
std::string host_inventory();

// The lines only one of them has, as "- before" and "+ after"; empty when they are the same.
std::string difference(const std::string& before, const std::string& after);

}  // namespace labctl::support
