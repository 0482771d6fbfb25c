#include "labctl/scenario/evidence_folder.hpp"

#include "labctl/supervisor/lab_folder.hpp"
#include "topology/base/error.hpp"
#include "topology/base/fnv.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <random>
#include <vector>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".labctl-evidence-";
constexpr int kNamesTried = 100;
// NAME_MAX is 255; a suffix has to fit as well.
constexpr size_t kEvidenceNameMax = 220;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Removes a folder and all in it; never through a symbolic link.
void remove_folder(int parent, const std::string& name) {
  {
    const UniqueFd folder(::openat(parent, name.c_str(), kFolderFlags));
    if (folder) {
      for (const std::string& entry : supervisor::entries_of(folder.get())) {
        if (::unlinkat(folder.get(), entry.c_str(), 0) != 0) {
          remove_folder(folder.get(), entry);
        }
      }
    }
  }
  ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

// A folder of this user's with our marker in it.
bool is_evidence(int parent, const std::string& name) {
  const UniqueFd folder(::openat(parent, name.c_str(), kFolderFlags));
  struct stat of_folder {
  }, of_marker{};
  return folder && ::fstat(folder.get(), &of_folder) == 0 && of_folder.st_uid == ::geteuid() &&
         ::fstatat(folder.get(), EvidenceFolder::kMarker, &of_marker, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(of_marker.st_mode);
}

// Those of runs that were killed: nobody holds their lock.
void remove_abandoned(int root) {
  for (const std::string& name : supervisor::entries_of(root)) {
    if (!name.starts_with(kTemporary) || !is_evidence(root, name)) {
      continue;
    }
    const UniqueFd folder(::openat(root, name.c_str(), kFolderFlags));
    if (folder && ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) {
      remove_folder(root, name);
    }
  }
}

// 0700 all that is made on the way.
UniqueFd open_root(const fs::path& root) {
  fs::path made;
  for (const fs::path& part : fs::absolute(root)) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES) {
      throw Error::from_errno(errno, "make folder " + made.string());
    }
  }
  struct stat link {};
  if (::lstat(root.c_str(), &link) == 0 && S_ISLNK(link.st_mode) && link.st_uid != 0 &&
      link.st_uid != ::geteuid()) {
    throw Error(ErrorKind::Permission, "folder " + root.string() + ": a symbolic link of another user");
  }
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    throw Error::from_errno(errno, "open folder " + root.string());
  }
  return fd;
}

std::string unused_name() {
  static std::random_device random;
  char text[32];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return std::string(kTemporary) + text;
}

// As renameat2(2) does it; in steps on a file system that knows no flags.
bool rename_in(int root, const std::string& from, const std::string& to, unsigned how) {
  if (::renameat2(root, from.c_str(), root, to.c_str(), how) == 0) {
    return true;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return false;
  }
  if (how == RENAME_NOREPLACE) {
    return ::renameat(root, from.c_str(), root, to.c_str()) == 0;  // replaces nothing but an empty folder
  }
  const std::string aside = unused_name();
  return ::renameat(root, to.c_str(), root, aside.c_str()) == 0 &&
         ::renameat(root, from.c_str(), root, to.c_str()) == 0 &&
         ::renameat(root, aside.c_str(), root, from.c_str()) == 0;
}

enum class Taken { No, ByEvidence, ByOthers };

Taken state_of(int root, const std::string& name) {
  struct stat there {};
  if (::fstatat(root, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
    return Taken::No;
  }
  return is_evidence(root, name) ? Taken::ByEvidence : Taken::ByOthers;
}

}  // namespace

std::string fitting_file_name(const std::string& name) {
  if (name.size() <= kEvidenceNameMax) {
    return name;
  }
  return name.substr(0, kEvidenceNameMax) + "-" + std::to_string(fnv1a(name));
}

EvidenceFolder::EvidenceFolder(const fs::path& root)
    : root_(root), root_fd_(open_root(root)), temporary_(unused_name()) {
  remove_abandoned(root_fd_.get());
  if (::mkdirat(root_fd_.get(), temporary_.c_str(), 0700) != 0) {
    throw Error::from_errno(errno, "make a folder in " + root_.string());
  }
  folder_.reset(::openat(root_fd_.get(), temporary_.c_str(), kFolderFlags));
  // Locked before it is marked: others remove only what is marked and not locked.
  if (!folder_ || ::flock(folder_.get(), LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::unlinkat(root_fd_.get(), temporary_.c_str(), AT_REMOVEDIR);
    throw Error::from_errno(why, "lock a folder in " + root_.string());
  }
  write(kMarker,
        "What labctl found in the lab of a failed scenario. The next failure replaces this folder.\n");
}

EvidenceFolder::~EvidenceFolder() {
  if (!temporary_.empty()) {
    remove_folder(root_fd_.get(), temporary_);
  }
}

UniqueFd EvidenceFolder::create_file(const fs::path& name) {
  UniqueFd within(::openat(folder_.get(), ".", kFolderFlags));
  for (const fs::path& part : name.parent_path()) {
    if (::mkdirat(within.get(), part.c_str(), 0700) != 0 && errno != EEXIST) {
      throw Error::from_errno(errno, "make folder " + name.parent_path().string());
    }
    within.reset(::openat(within.get(), part.c_str(), kFolderFlags));
  }
  UniqueFd file(::openat(within.get(), name.filename().c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    throw Error::from_errno(errno, "write " + name.string());
  }
  return file;
}

void EvidenceFolder::write(const fs::path& name, std::string_view text) {
  const UniqueFd file = create_file(name);
  while (!text.empty()) {
    const ssize_t size = ::write(file.get(), text.data(), text.size());
    if (size < 0 && errno != EINTR) {
      throw Error::from_errno(errno, "write " + name.string());
    }
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  }
}

EvidenceFolder::Place EvidenceFolder::put_in_place(const std::string& wanted) {
  const int root = root_fd_.get();
  const std::string first = fitting_file_name(wanted);
  const auto nth = [&](int i) {
    return first + (i == 0 ? "" : ".labctl") + (i > 1 ? "-" + std::to_string(i) : "");
  };
  for (int i = 0, tries = 0; i < kNamesTried && tries < 10 * kNamesTried; ++tries) {
    const std::string name = nth(i);
    const Taken taken = state_of(root, name);
    if (taken == Taken::ByOthers) {
      ++i;
      continue;
    }
    const bool is_free = taken == Taken::No;
    if (!rename_in(root, temporary_, name, is_free ? RENAME_NOREPLACE : RENAME_EXCHANGE)) {
      if (errno == EEXIST || errno == ENOENT) {
        continue;  // it came or went in between
      }
      throw Error::from_errno(errno, "put evidence at " + (root_ / name).string());
    }
    if (!is_free && !is_evidence(root, temporary_)) {
      rename_in(root, temporary_, name, RENAME_EXCHANGE);  // another's came in between: back with it
      continue;
    }
    if (!is_free) {
      remove_folder(root, temporary_);
    }
    temporary_.clear();
    return {root_ / name, i == 0 ? "" : (root_ / first).string() + " is not labctl's, and was left alone"};
  }
  throw Error(ErrorKind::AlreadyExists, "put evidence at " + (root_ / first).string() +
                                            ": what is there, and at the names beside it, is not labctl's");
}

}  // namespace labctl::scenario
