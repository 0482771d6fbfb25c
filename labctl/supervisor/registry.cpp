#include "labctl/supervisor/registry.hpp"

#include "topology/base/error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace labctl::supervisor {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNameMax = 63;
// A folder can be removed between making and locking it, by the keeper of a lab that just ended; each try has
// a new one.
constexpr int kClaimTries = 100;

// Private to one user: nobody else may read it or put something into it.
void make_private_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Error::from_errno(errno, "make " + folder.string(), "set XDG_RUNTIME_DIR to a folder of yours");
  }
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0) {
    throw Error::from_errno(errno, "stat " + folder.string());
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 077) != 0) {
    throw Error(ErrorKind::Permission, folder.string() + ": not a private folder of this user",
                "remove it, or set XDG_RUNTIME_DIR to a folder of yours");
  }
}

UniqueFd open_lock(const fs::path& folder) {
  return UniqueFd(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

bool is_still_there(const UniqueFd& lock, const fs::path& folder) {
  struct stat opened {
  }, named{};
  return ::fstat(lock.get(), &opened) == 0 && ::stat((folder / "lock").c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

// The lock of a lab nobody runs; empty while one does.
UniqueFd lock_if_dead(const fs::path& folder) {
  UniqueFd lock(::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
    return lock;
  }
  return {};
}

void remove_folder(const fs::path& folder) noexcept {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  fs::remove(folder.parent_path(), ignored);  // only succeeds for the last lab
}

}  // namespace

fs::path runtime_root() {
  if (const char* chosen = ::getenv("LABCTL_RUNTIME_DIR"); chosen != nullptr && *chosen != '\0') {
    return chosen;
  }
  if (::geteuid() == 0) {
    return "/run/labctl";
  }
  if (const char* runtime = ::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    return fs::path(runtime) / "labctl";
  }
  return "/tmp/labctl-" + std::to_string(::geteuid());
}

fs::path lab_directory(std::string_view lab) { return runtime_root() / lab; }
fs::path socket_path(std::string_view lab) { return lab_directory(lab) / "api.sock"; }

bool valid_lab_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kNameMax && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), fits);
}

UniqueFd claim_lab(std::string_view lab) {
  if (!valid_lab_name(lab)) {
    throw Error(ErrorKind::InvalidInput, "lab name \"" + std::string(lab) + "\": not a DNS label",
                "use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit");
  }
  const fs::path folder = lab_directory(lab);
  for (int i = 0; i < kClaimTries; ++i) {
    make_private_folder(runtime_root());
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      if (errno == ENOENT) {
        continue;  // the runtime folder went with the last lab
      }
      throw Error::from_errno(errno, "make " + folder.string());
    }
    UniqueFd lock = open_lock(folder);
    if (!lock) {
      if (errno == ENOENT) {
        continue;
      }
      throw Error::from_errno(errno, "open " + (folder / "lock").string());
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      throw Error(
          ErrorKind::AlreadyExists, "lab \"" + std::string(lab) + "\" is already up",
          "labctl down " + std::string(lab) + " takes it down; labctl up -n NAME boots another beside it");
    }
    if (is_still_there(lock, folder)) {
      ::unlink(socket_path(lab).c_str());
      return lock;
    }
  }
  throw Error(ErrorKind::Busy, folder.string() + ": removed as fast as it is made");
}

void release_lab(std::string_view lab) noexcept { remove_folder(lab_directory(lab)); }

std::vector<LabEntry> list_labs() {
  std::vector<LabEntry> labs;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(runtime_root(), ignored)) {
    if (entry.is_directory(ignored) && valid_lab_name(entry.path().filename().string())) {
      labs.push_back({entry.path().filename().string(), !lock_if_dead(entry.path())});
    }
  }
  std::sort(labs.begin(), labs.end(), [](const LabEntry& a, const LabEntry& b) { return a.name < b.name; });
  return labs;
}

std::vector<std::string> sweep() {
  std::vector<std::string> removed;
  for (const LabEntry& lab : list_labs()) {
    if (const UniqueFd lock = lock_if_dead(lab_directory(lab.name)); lock) {
      remove_folder(lab_directory(lab.name));
      removed.push_back(lab.name);
    }
  }
  return removed;
}

}  // namespace labctl::supervisor
