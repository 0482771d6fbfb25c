#include "topology/kernel/id_plan.hpp"

#include "topology/base/error.hpp"
#include "topology/base/text_file.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/program_lookup.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <sstream>
#include <vector>

namespace labctl::kernel {
namespace {

void write_map(const std::string& path, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw Error::from_errno(errno, "write " + path);
  }
}

// The fields of one line between colons.
std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t start = 0; start <= line.size();) {
    const std::size_t end = std::min(line.find(':', start), line.size());
    fields.push_back(line.substr(start, end - start));
    start = end + 1;
  }
  return fields;
}

template <typename Act>
void for_each_line(std::string_view text, const Act& act) {
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    act(fields_of(text.substr(start, end - start)));
    start = end + 1;
  }
}

std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

struct Subordinate {
  std::string_view owner;
  IdRange range;
};

// subuid(5): "name-or-number:first:count" a line.
std::vector<Subordinate> subordinates(std::string_view text) {
  std::vector<Subordinate> found;
  for_each_line(text, [&](const std::vector<std::string_view>& fields) {
    if (fields.size() == 3) {
      const auto first = number_in(fields[1]), count = number_in(fields[2]);
      if (first && count && *first > 0 && *count > 0) {
        found.push_back({fields[0], {*first, *count}});
      }
    }
  });
  return found;
}

std::uint64_t end_of(const IdRange& range) { return std::uint64_t{range.first} + range.count; }

bool overlap(const IdRange& one, const IdRange& other) {
  return one.first < end_of(other) && other.first < end_of(one);
}

bool is_own(const Subordinate& line, std::string_view name, id_t id) {
  return line.owner == name || number_in(line.owner) == id;
}

bool run(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  ::posix_spawn_file_actions_init(&quiet);
  ::posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int result = ::posix_spawnp(&pid, argv[0], &quiet, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&quiet);
  int status = -1;
  while (result == 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return result == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string map_line(std::uint32_t inside, std::uint32_t outside, std::uint32_t count) {
  return std::to_string(inside) + " " + std::to_string(outside) + " " + std::to_string(count);
}

IdPlan plan_of_root(IdPlan ids) {
  const IdRange uids = choose_root_range(text_of_file("/etc/subuid"), text_of_file("/etc/passwd"));
  const IdRange gids = choose_root_range(text_of_file("/etc/subgid"), text_of_file("/etc/group"));
  ids.sub_uid = uids.first;
  ids.sub_uid_count = uids.count;
  ids.sub_gid = gids.first;
  ids.sub_gid_count = gids.count;
  ids.mapping = IdMapping::RootRange;
  // Root of a user namespace already, as in a container without privileges: no id of its host's root.
  if (!is_mapped(text_of_file("/proc/self/uid_map"), uids) ||
      !is_mapped(text_of_file("/proc/self/gid_map"), gids)) {
    ids.mapping = IdMapping::Root;
    ids.why_no_range = "this is a user namespace already, in which the ids from " +
                       std::to_string(uids.first) + " do not exist";
  }
  return ids;
}

}  // namespace

const char* to_string(IdMapping mapping) {
  switch (mapping) {
    case IdMapping::Root:
      return "root";
    case IdMapping::RootRange:
      return "root, id range";
    case IdMapping::Subordinate:
      return "rootless";
    case IdMapping::Single:
      return "rootless, one id";
  }
  return "rootless";
}

IdPlan plan_ids() {
  IdPlan ids;
  ids.uid = ::geteuid();
  ids.gid = ::getegid();
  if (ids.uid == 0) {
    return plan_of_root(std::move(ids));
  }
  const passwd* user = ::getpwuid(ids.uid);
  const std::string name = user != nullptr ? user->pw_name : "";
  const auto uids = find_range(text_of_file("/etc/subuid"), name, ids.uid);
  const auto gids = find_range(text_of_file("/etc/subgid"), name, ids.uid);
  if (uids && gids && is_installed("newuidmap", own_path()) && is_installed("newgidmap", own_path())) {
    ids.mapping = IdMapping::Subordinate;
    ids.sub_uid = uids->first;
    ids.sub_uid_count = uids->count;
    ids.sub_gid = gids->first;
    ids.sub_gid_count = gids->count;
  }
  return ids;
}

void write_single_map(const IdPlan& ids) {
  write_map("/proc/self/setgroups", "deny");
  write_map("/proc/self/uid_map", map_line(0, ids.uid, 1));
  write_map("/proc/self/gid_map", map_line(0, ids.gid, 1));
}

bool write_subordinate_maps(pid_t pid, const IdPlan& ids) {
  const auto words = [&](const char* program, id_t own, std::uint32_t first, std::uint32_t count) {
    return std::vector<std::string>{program,
                                    std::to_string(pid),
                                    "0",
                                    std::to_string(own),
                                    "1",
                                    "1",
                                    std::to_string(first),
                                    std::to_string(count)};
  };
  return run(words("newuidmap", ids.uid, ids.sub_uid, ids.sub_uid_count)) &&
         run(words("newgidmap", ids.gid, ids.sub_gid, ids.sub_gid_count));
}

void write_root_maps(pid_t pid, const IdPlan& ids) {
  const std::string process = "/proc/" + std::to_string(pid);
  write_map(process + "/uid_map", map_line(0, ids.sub_uid, ids.sub_uid_count));
  write_map(process + "/gid_map", map_line(0, ids.sub_gid, ids.sub_gid_count));
}

void become_root_inside() {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
    throw Error::from_errno(errno, "become root of the user namespace");
  }
  // A change of ids takes it away, and with it what a process may do to its own files in /proc.
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) {
    throw Error::from_errno(errno, "become root of the user namespace");
  }
}

IdRange choose_root_range(std::string_view subordinate, std::string_view accounts) {
  const std::vector<Subordinate> lines = subordinates(subordinate);
  std::vector<IdRange> others;
  for (const Subordinate& line : lines) {
    if (!is_own(line, "root", 0)) {
      others.push_back(line.range);
    }
  }
  for_each_line(accounts, [&](const std::vector<std::string_view>& fields) {
    const auto id = fields.size() > 2 ? number_in(fields[2]) : std::nullopt;
    if (id) {
      others.push_back({*id, 1});
    }
  });
  const auto other_than = [&](const IdRange& range) {
    return std::find_if(others.begin(), others.end(), [&](const IdRange& of) { return overlap(of, range); });
  };
  for (const Subordinate& line : lines) {
    const IdRange range{line.range.first, kMappedIds};
    if (is_own(line, "root", 0) && line.range.count >= kMappedIds && other_than(range) == others.end()) {
      return range;
    }
  }
  constexpr std::uint64_t kEnd = 0xFFFF'0000;  // 2^32 - 1 is no id
  IdRange range = kRootRange;
  for (auto other = other_than(range); other != others.end(); other = other_than(range)) {
    const std::uint64_t next = (end_of(*other) + kMappedIds - 1) / kMappedIds * kMappedIds;
    if (next + kMappedIds > kEnd) {
      return kRootRange;  // everything above is somebody's: nothing is better than what is documented
    }
    range.first = static_cast<std::uint32_t>(next);
  }
  return range;
}

bool is_mapped(std::string_view map, const IdRange& range) {
  std::istringstream lines{std::string(map)};
  std::uint64_t inside = 0, outside = 0, count = 0;
  while (lines >> inside >> outside >> count) {
    if (inside <= range.first && end_of(range) <= inside + count) {
      return true;
    }
  }
  return false;
}

std::optional<IdRange> find_range(std::string_view subordinate, const std::string& name, id_t id) {
  for (const Subordinate& line : subordinates(subordinate)) {
    if (is_own(line, name, id)) {
      return IdRange{line.range.first, std::min(line.range.count, kMappedIds)};
    }
  }
  return std::nullopt;
}

}  // namespace labctl::kernel
