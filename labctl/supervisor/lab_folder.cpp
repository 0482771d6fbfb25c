#include "labctl/supervisor/lab_folder.hpp"

#include "labctl/api/private_folder.hpp"
#include "labctl/supervisor/lab_lock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

namespace labctl::supervisor {
namespace {

constexpr std::array<std::string_view, 3> kLabFiles{kSocketName, kLogName, kEndName};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

LabFolder open_lab_folder(const RuntimeRoot& root, UniqueFd opened_root, const std::string& name) {
  const std::filesystem::path path = root.path / name;
  UniqueFd folder = api::open_private_folder(opened_root, name, path);
  return {name, path, std::move(opened_root), std::move(folder)};
}

std::vector<std::string> entries_of(int folder) {
  std::vector<std::string> names;
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> entries(copy < 0 ? nullptr : ::fdopendir(copy));
  while (const dirent* entry = entries == nullptr ? nullptr : ::readdir(entries.get())) {
    if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..") {
      names.emplace_back(entry->d_name);
    }
  }
  return names;
}

bool is_in_place(const LabFolder& lab) {
  struct stat opened {
  }, named{};
  // By its path: the runtime folder may have been moved away, or removed, with all that is in it.
  return ::fstat(lab.folder.get(), &opened) == 0 && ::lstat(lab.path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

bool holds_only_ours(const LabFolder& lab) {
  const std::vector<std::string> entries = entries_of(lab.folder.get());
  return std::all_of(entries.begin(), entries.end(), [](const std::string& name) {
    return name == kLockName || std::find(kLabFiles.begin(), kLabFiles.end(), name) != kLabFiles.end();
  });
}

void clear_lab_folder(const LabFolder& lab) noexcept {
  for (const std::string_view file : kLabFiles) {
    ::unlinkat(lab.folder.get(), file.data(), 0);
  }
}

bool remove_lab_folder(const LabFolder& lab) noexcept {
  clear_lab_folder(lab);
  ::unlinkat(lab.folder.get(), kLockName, 0);
  return ::unlinkat(lab.root.get(), lab.name.c_str(), AT_REMOVEDIR) == 0 || errno != ENOTEMPTY;
}

}  // namespace labctl::supervisor
