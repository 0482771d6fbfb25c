#pragma once

// Which ids a lab's processes have: how those inside its user namespace map to the host's; see
// user_namespaces(7), subuid(5).
//
// A lab of root maps a range that nobody has, so that what is root in a pod is nobody on the host: it may not
// read what only root may, nor write what root owns. Where that is refused, the lab runs as root itself.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::kernel {

// How ids inside map to ids outside.
enum class IdMapping {
  Root,         // no user namespace: uid 0 inside is that of whoever started the lab
  RootRange,    // started by root, who maps 0 and up to an unprivileged range
  Subordinate,  // 0 is the user, 1 and up the ranges of /etc/subuid and /etc/subgid, by newuidmap(1)
  Single,       // 0 is the user and nothing else exists
};
// "root", "root, id range", "rootless", "rootless, one id".
const char* to_string(IdMapping mapping);

struct IdPlan {
  IdMapping mapping = IdMapping::Single;
  uid_t uid = 0;  // outside
  gid_t gid = 0;
  std::uint32_t sub_uid = 0, sub_uid_count = 0;  // of RootRange: what 0 and up are outside
  std::uint32_t sub_gid = 0, sub_gid_count = 0;
  std::string why_no_range;  // of Root: why no range is mapped
};

// What this user can have: reads the effective ids, the accounts, /etc/subuid and /etc/subgid,
// /proc/self/uid_map, and looks for newuidmap in PATH.
IdPlan plan_ids();

// ---- The maps: after unshare_capsule() -----------------------------------------------------------------
// Inside: maps the one id. Throws Error.
void write_single_map(const IdPlan& ids);
// From outside: runs newuidmap and newgidmap for `pid`. False if they refuse.
bool write_subordinate_maps(pid_t pid, const IdPlan& ids);
// From outside, as root: maps the range for `pid`; groups may still be set inside. Throws Error.
void write_root_maps(pid_t pid, const IdPlan& ids);
// Inside, after write_root_maps(): until then we are root of the host still, and so nobody in here. Throws
// Error.
void become_root_inside();

// ---- Pure ----------------------------------------------------------------------------------------------
struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const IdRange&) const = default;
};

// As many ids as a lab maps; beyond them no program asks.
inline constexpr std::uint32_t kMappedIds = 65536;
// For labs of root where /etc/subuid gives root none: above what distributions, systemd (up to 0x6FFFFFFF)
// and container engines give out, below what systemd has for foreign images (0x7FFE0000) and 2^31, from
// where some programs read negative numbers.
inline constexpr IdRange kRootRange{2'000'027'648, kMappedIds};

// The range of root's labs, by the texts of /etc/subuid and /etc/passwd (or subgid and group): root's own
// where it has kMappedIds that nobody shares; else kRootRange, or the next that is free of all others.
IdRange choose_root_range(std::string_view subordinate, std::string_view accounts);

// Whether all of `range` exists in a user namespace with this text of uid_map.
bool is_mapped(std::string_view map, const IdRange& range);

// The first range of `user` (name or number) in the text of /etc/subuid or /etc/subgid, at most kMappedIds.
std::optional<IdRange> find_range(std::string_view subordinate, const std::string& name, id_t id);

}  // namespace labctl::kernel
