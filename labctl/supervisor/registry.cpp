#include "labctl/supervisor/registry.hpp"

#include "labctl/api/unix_socket.hpp"
#include "topology/base/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace labctl::supervisor {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kNameMax = 63;
// For a lock that is held, but by no lab: others hold it for microseconds, a lab whose keeper was killed
// until the kernel has ended the rest of it.
constexpr milliseconds kLockPatience{3000};
constexpr milliseconds kLockLook{5};
// To learn whether anybody listens where there is no lock.
constexpr milliseconds kListenerPatience{100};

// Calls `attempt` until it gives a value, or the patience is at its end.
template <typename Attempt>
auto try_for(milliseconds patience, const Attempt& attempt) -> decltype(attempt()) {
  const auto deadline = steady_clock::now() + patience;
  for (;;) {
    if (auto result = attempt(); result || steady_clock::now() >= deadline) {
      return result;
    }
    ::poll(nullptr, 0, static_cast<int>(kLockLook.count()));
  }
}

bool has_keeper(const UniqueFd& lock) { return static_cast<bool>(open_process(read_record(lock).keeper)); }

bool somebody_listens(const LabFolder& lab) {
  try {
    return static_cast<bool>(api::connect_unix(lab.path / kSocketName, kListenerPatience));
  } catch (const Error& error) {
    return error.kind() == ErrorKind::Timeout;
  }
}

// Empty: it is no lab's folder, but something else of the user's.
std::optional<LabEntry> look_at(const LabFolder& lab) {
  LabEntry entry;
  entry.name = lab.name;
  if (const UniqueFd lock = open_lock(lab.folder)) {
    entry.is_alive = is_held(lock);
    entry.is_ready = read_record(lock).is_ready;
  } else if (holds_only_ours(lab)) {
    entry.is_alive = somebody_listens(lab);
  } else {
    return std::nullopt;
  }
  if (!entry.is_alive) {
    entry.end = read_end(lab);
  }
  return entry;
}

// Of folders in the runtime folder, those whose names a lab can have.
std::vector<std::string> names_in(const UniqueFd& root) {
  std::vector<std::string> names = supervisor::entries_of(root.get());
  std::erase_if(names, [](const std::string& name) { return !valid_lab_name(name); });
  std::sort(names.begin(), names.end());
  return names;
}

// Somebody else's: worth a word. A file, a link or a shared folder of our own is not.
bool is_of_another(const UniqueFd& root, const std::string& name) {
  struct stat status {};
  return ::fstatat(root.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         status.st_uid != ::geteuid();
}

UniqueFd copy_of(const UniqueFd& fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) {
    throw Error::from_errno(errno, "copy a descriptor");
  }
  return copy;
}

// Takes the lab, or throws because another has it; empty when that may be different a moment later.
std::optional<ClaimedLab> try_to_claim(const RuntimeRoot& root, const std::string& name) {
  UniqueFd opened = make_runtime_root(root);
  if (::mkdirat(opened.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
    if (errno == ENOENT) {
      return std::nullopt;  // the runtime folder went with the last lab
    }
    throw Error::from_errno(errno, "make " + (root.path / name).string());
  }
  try {
    LabFolder lab = open_lab_folder(root, std::move(opened), name);
    UniqueFd lock = make_lock(lab.folder);
    if (!lock) {
      throw Error::from_errno(errno, "open " + (lab.path / kLockName).string());
    }
    if (!take_alone(lock)) {
      if (has_keeper(lock)) {
        throw Error(ErrorKind::AlreadyExists, "lab \"" + name + "\" is already up",
                    "labctl down " + name + " takes it down; labctl up -n NAME boots another beside it");
      }
      return std::nullopt;
    }
    if (!is_lock_of(lock, lab.folder) || !is_in_place(lab)) {
      return std::nullopt;
    }
    clear_lab_folder(lab);
    if (!write_record(lock, {.keeper = mark_of(::getpid()), .supervisor = {}, .is_ready = false})) {
      throw Error::from_errno(errno, "write " + (lab.path / kLockName).string());
    }
    return ClaimedLab(root, std::move(lab), std::move(lock));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::NotFound) {
      return std::nullopt;  // the folder went with a lab that has just ended
    }
    throw;
  }
}

// Removes the folder if no lab has it; empty when that may be different a moment later.
std::optional<bool> try_to_remove(const RuntimeRoot& root, const UniqueFd& opened, const std::string& name) {
  try {
    const LabFolder lab = open_lab_folder(root, copy_of(opened), name);
    const UniqueFd found = open_lock(lab.folder);
    const bool is_none = !found && errno == ENOENT;
    if (!found && (!holds_only_ours(lab) || somebody_listens(lab))) {
      return false;
    }
    if (!found && !is_none) {
      ::unlinkat(lab.folder.get(), kLockName, 0);  // a pipe, a link: whatever it is, it is no lock
    }
    // Made where there is none: who removes must hold it, as who boots does.
    const UniqueFd lock = make_lock(lab.folder);
    if (!lock) {
      return std::nullopt;
    }
    if (!take_alone(lock)) {
      return has_keeper(lock) ? std::optional(false) : std::nullopt;
    }
    if (!is_lock_of(lock, lab.folder)) {
      return std::nullopt;
    }
    remove_lab_folder(lab);
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::Permission) {
      return false;
    }
    throw;
  }
}

bool remove_dead_in(const RuntimeRoot& root, const UniqueFd& opened, const std::string& name,
                    milliseconds patience) {
  return try_for(patience, [&] { return try_to_remove(root, opened, name); }).value_or(false);
}

std::optional<LabFolder> find_folder(std::string_view lab) {
  const RuntimeRoot root = runtime_root();
  std::optional<UniqueFd> opened = open_runtime_root(root);
  if (!opened || !valid_lab_name(lab)) {
    return std::nullopt;
  }
  try {
    return open_lab_folder(root, std::move(*opened), std::string(lab));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::NotFound) {
      return std::nullopt;
    }
    throw;
  }
}

}  // namespace

fs::path lab_directory(std::string_view lab) { return runtime_root().path / lab; }
fs::path socket_path(std::string_view lab) { return lab_directory(lab) / kSocketName; }

bool valid_lab_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kNameMax && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), fits);
}

ClaimedLab::ClaimedLab(RuntimeRoot root, LabFolder lab, UniqueFd lock)
    : root_(std::move(root)), lab_(std::move(lab)), lock_(std::move(lock)) {}

void ClaimedLab::set_supervisor(pid_t supervisor) noexcept {
  LockRecord record = read_record(lock_);
  record.supervisor = mark_of(supervisor);
  write_record(lock_, record);
}

UniqueFd ClaimedLab::make_log() const {
  constexpr int kHow = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd log(::openat(lab_.folder.get(), kLogName, kHow, 0600));
  if (!log) {
    throw Error::from_errno(errno, "make " + (lab_.path / kLogName).string());
  }
  return log;
}

bool ClaimedLab::is_in_place() const {
  return is_lock_of(lock_, lab_.folder) && supervisor::is_in_place(lab_);
}

UniqueFd ClaimedLab::watch() const {
  UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  constexpr std::uint32_t kGoing = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  for (const fs::path& folder : {lab_.path, lab_.path.parent_path()}) {
    ::inotify_add_watch(watch.get(), folder.c_str(), kGoing);
  }
  return watch;
}

void ClaimedLab::release() noexcept {
  if (is_in_place()) {
    remove_lab_folder(lab_);
  }
  remove_runtime_root(root_);
}

void ClaimedLab::leave_end(int status) noexcept {
  if (is_in_place()) {
    supervisor::leave_end(lab_, status);
  }
}

ClaimedLab claim_lab(std::string_view lab) {
  if (!valid_lab_name(lab)) {
    throw Error(ErrorKind::InvalidInput, "lab name \"" + std::string(lab) + "\": not a DNS label",
                "use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit");
  }
  const RuntimeRoot root = runtime_root();
  const std::string name(lab);
  if (std::optional<ClaimedLab> claimed = try_for(kLockPatience, [&] { return try_to_claim(root, name); })) {
    return std::move(*claimed);
  }
  throw Error(ErrorKind::Busy, "lab \"" + name + "\": one of this name is still ending",
              "labctl down " + name + " ends it for good");
}

std::vector<LabEntry> list_labs() {
  std::vector<LabEntry> labs;
  const RuntimeRoot root = runtime_root();
  const std::optional<UniqueFd> opened = open_runtime_root(root);
  if (!opened) {
    return labs;
  }
  for (const std::string& name : names_in(*opened)) {
    try {
      if (std::optional<LabEntry> entry = look_at(open_lab_folder(root, copy_of(*opened), name))) {
        labs.push_back(std::move(*entry));
      }
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Permission && is_of_another(*opened, name)) {
        LabEntry entry;
        entry.name = name;
        entry.refusal = error.message();
        labs.push_back(std::move(entry));
      }
    }
  }
  return labs;
}

std::optional<LabEntry> find_lab(std::string_view lab) {
  const std::optional<LabFolder> folder = find_folder(lab);
  return folder ? look_at(*folder) : std::nullopt;
}

std::optional<LockRecord> find_record(std::string_view lab) {
  const std::optional<LabFolder> folder = find_folder(lab);
  const UniqueFd lock = folder ? open_lock(folder->folder) : UniqueFd{};
  return lock ? std::optional(read_record(lock)) : std::nullopt;
}

void kill_holders(std::string_view lab) {
  if (const std::optional<LabFolder> folder = find_folder(lab)) {
    if (const UniqueFd lock = open_lock(folder->folder)) {
      kill_holders(lock);
    }
  }
}

bool remove_dead(std::string_view lab) {
  const RuntimeRoot root = runtime_root();
  const std::optional<UniqueFd> opened = open_runtime_root(root);
  const bool removed =
      opened && valid_lab_name(lab) && remove_dead_in(root, *opened, std::string(lab), milliseconds(0));
  remove_runtime_root(root);
  return removed;
}

std::vector<LabEntry> sweep() {
  std::vector<LabEntry> removed;
  const RuntimeRoot root = runtime_root();
  const std::optional<UniqueFd> opened = open_runtime_root(root);
  if (!opened) {
    return removed;
  }
  for (LabEntry& lab : list_labs()) {
    if (lab.is_dead() && remove_dead_in(root, *opened, lab.name, kLockPatience)) {
      removed.push_back(std::move(lab));
    }
  }
  remove_runtime_root(root);
  return removed;
}

}  // namespace labctl::supervisor
