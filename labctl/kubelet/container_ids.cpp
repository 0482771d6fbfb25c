#include "labctl/kubelet/container_ids.hpp"

#include "topology/base/error.hpp"
#include "topology/base/text_file.hpp"
#include "topology/kernel/program_lookup.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::kubelet {
namespace {

constexpr off_t kAccountBytesMax = off_t{1} << 20;

std::optional<std::uint32_t> id_in(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_id = failure == std::errc() && end == text.data() + text.size() &&
                     id <= static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
  return is_id ? std::optional(id) : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

struct Account {
  std::string_view name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string_view home;
};

// The first of that name, or of that number if it is one.
std::optional<Account> find_account(std::string_view passwd, std::string_view user) {
  const std::optional<std::uint32_t> number = id_in(user);
  for (const std::string_view line : split(passwd, '\n')) {
    const std::vector<std::string_view> fields = split(line, ':');
    if (fields.size() < 6) {
      continue;
    }
    const auto uid = id_in(fields[2]);
    const auto gid = id_in(fields[3]);
    if (uid && gid && (number ? *uid == *number : fields[0] == user)) {
      return Account{fields[0], *uid, *gid, fields[5]};
    }
  }
  return std::nullopt;
}

std::uint32_t find_group(std::string_view group, std::string_view name) {
  if (const auto number = id_in(name)) {
    return *number;
  }
  for (const std::string_view line : split(group, '\n')) {
    const std::vector<std::string_view> fields = split(line, ':');
    if (fields.size() >= 3 && fields[0] == name && id_in(fields[2])) {
      return *id_in(fields[2]);
    }
  }
  throw Error(ErrorKind::InvalidInput,
              "unable to find group " + std::string(name) + ": no matching entries in group file");
}

void add_groups_of(std::vector<gid_t>& groups, std::string_view group, std::string_view user) {
  for (const std::string_view line : split(group, '\n')) {
    const std::vector<std::string_view> fields = split(line, ':');
    const auto gid = fields.size() >= 4 ? id_in(fields[2]) : std::nullopt;
    if (!gid) {
      continue;
    }
    const std::vector<std::string_view> members = split(fields[3], ',');
    if (std::find(members.begin(), members.end(), user) != members.end()) {
      groups.push_back(*gid);
    }
  }
}

// Each once, in the order in which they come.
std::vector<gid_t> without_doubles(const std::vector<gid_t>& groups) {
  std::vector<gid_t> out;
  for (const gid_t group : groups) {
    if (std::find(out.begin(), out.end(), group) == out.end()) {
      out.push_back(group);
    }
  }
  return out;
}

std::string text_in(const std::string& root, const std::string& path) {
  struct stat status {};
  const UniqueFd file = kernel::open_in_root(root, path);
  const bool is_sound = file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
                        status.st_size <= kAccountBytesMax;
  return is_sound ? text_of_file("/proc/self/fd/" + std::to_string(file.get())) : std::string();
}

// The container's own field comes first.
template <typename Value>
std::optional<Value> effective(const model::Pod& pod, const model::Container& container,
                               std::optional<Value> model::SecurityContext::*field) {
  return container.security.*field ? container.security.*field : pod.security.*field;
}

std::string_view user_of_image(const ImageChoice& choice) {
  return std::string_view(choice.user).substr(0, choice.user.find(':'));
}

std::string_view group_of_image(const ImageChoice& choice) {
  const std::size_t colon = choice.user.find(':');
  return colon == std::string::npos ? std::string_view() : std::string_view(choice.user).substr(colon + 1);
}

bool is_root(std::string_view user) { return user.empty() || user == "root" || id_in(user) == 0U; }

bool asks_for_ids(const model::Pod& pod, const model::Container& container) {
  return effective(pod, container, &model::SecurityContext::run_as_user) ||
         effective(pod, container, &model::SecurityContext::run_as_group) || pod.security.fs_group ||
         !pod.security.supplemental_groups.empty();
}

}  // namespace

AccountFiles read_account_files(const std::string& root) {
  return {text_in(root, "/etc/passwd"), text_in(root, "/etc/group")};
}

bool names_ids(const model::Pod& pod, const model::Container& container, const ImageChoice& choice) {
  return asks_for_ids(pod, container) || !choice.digest.empty();
}

bool wants_other_ids(const model::Pod& pod, const model::Container& container, const ImageChoice& choice) {
  const auto user = effective(pod, container, &model::SecurityContext::run_as_user);
  return user.value_or(0) != 0 ||
         effective(pod, container, &model::SecurityContext::run_as_group).value_or(0) != 0 ||
         pod.security.fs_group || !pod.security.supplemental_groups.empty() ||
         (!user && !is_root(user_of_image(choice)));
}

// verifyRunAsNonRoot() of the kubelet.
std::string refusal_as_root(const model::Pod& pod, const model::Container& container,
                            const ImageChoice& choice) {
  if (!effective(pod, container, &model::SecurityContext::run_as_non_root).value_or(false)) {
    return {};
  }
  const std::string where = "(pod: \"" + pod.key.name + "_" + pod.key.ns + "(" + pod.uid +
                            ")\", container: " + container.name + ")";
  if (const auto user = effective(pod, container, &model::SecurityContext::run_as_user)) {
    return *user == 0 ? "container's runAsUser breaks non-root policy " + where : std::string();
  }
  if (choice.digest.empty()) {
    return {};
  }
  const std::string_view user = user_of_image(choice);
  if (user.empty() || id_in(user) == 0U) {
    return "container has runAsNonRoot and image will run as root " + where;
  }
  return id_in(user) ? std::string()
                     : "container has runAsNonRoot and image has non-numeric user (" + std::string(user) +
                           "), cannot verify user is non-root " + where;
}

ContainerIds container_ids(const model::Pod& pod, const model::Container& container,
                           const ImageChoice& choice, const AccountFiles& files) {
  const auto asked = effective(pod, container, &model::SecurityContext::run_as_user);
  std::string user = asked ? std::to_string(*asked) : std::string(user_of_image(choice));
  user = user.empty() ? "0" : user;
  const std::optional<Account> account = find_account(files.passwd, user);
  const std::optional<std::uint32_t> number = id_in(user);
  if (!account && !number) {
    throw Error(ErrorKind::InvalidInput,
                "unable to find user " + user + ": no matching entries in passwd file");
  }
  ContainerIds out;
  out.ids.uid = account ? account->uid : *number;
  out.ids.gid = account ? account->gid : 0;
  if (const auto group = effective(pod, container, &model::SecurityContext::run_as_group)) {
    out.ids.gid = *group;
  } else if (const std::string_view group = group_of_image(choice); !asked && !group.empty()) {
    out.ids.gid = find_group(files.group, group);
  }
  std::vector<gid_t> groups{out.ids.gid};
  if (account) {
    add_groups_of(groups, files.group, account->name);
  }
  groups.insert(groups.end(), pod.security.supplemental_groups.begin(),
                pod.security.supplemental_groups.end());
  if (pod.security.fs_group) {
    groups.push_back(*pod.security.fs_group);
  }
  out.ids.groups = without_doubles(groups);
  out.ids.owners = choice.owners;
  out.home = account && account->home.starts_with('/') ? std::string(account->home)
             : out.ids.uid == 0                        ? "/root"
                                                       : "/";
  return out;
}

}  // namespace labctl::kubelet
