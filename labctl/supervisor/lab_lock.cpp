#include "labctl/supervisor/lab_lock.hpp"

#include "labctl/supervisor/lab_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace labctl::supervisor {
namespace {

// Of which no lock has more.
constexpr size_t kRecordBytes = 512;

// A pipe or a device in its place must not keep us waiting.
UniqueFd open_lock_file(const UniqueFd& folder, int how) {
  UniqueFd lock(::openat(folder.get(), kLockName, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | how, 0600));
  struct stat status {};
  if (lock && (::fstat(lock.get(), &status) != 0 || !S_ISREG(status.st_mode))) {
    errno = EINVAL;
    lock.reset();
    errno = EINVAL;
  }
  return lock;
}

std::string mark_text(const ProcessMark& mark) {
  return std::to_string(mark.pid) + " " + std::to_string(mark.started) + "\n";
}

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

// proc_pid_fdinfo(5), for locks of this open file only: "lock: 1: FLOCK  ADVISORY  WRITE 4711 00:1a:99 0 EOF".
bool has_lock_through(const std::string& process, const std::string& fd) {
  std::ifstream info(process + "/fdinfo/" + fd);
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("lock:") && line.find("FLOCK") != std::string::npos &&
        line.find("WRITE") != std::string::npos) {
      return true;
    }
  }
  return false;
}

bool holds(const std::string& process, const struct stat& wanted) {
  const UniqueFd folder(::open((process + "/fd").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& fd : supervisor::entries_of(folder.get())) {
    struct stat status {};
    if (::fstatat(folder.get(), fd.c_str(), &status, 0) == 0 && is_same_file(status, wanted) &&
        has_lock_through(process, fd)) {
      return true;
    }
  }
  return false;
}

}  // namespace

UniqueFd open_lock(const UniqueFd& folder) { return open_lock_file(folder, 0); }
UniqueFd make_lock(const UniqueFd& folder) { return open_lock_file(folder, O_CREAT); }

bool is_lock_of(const UniqueFd& lock, const UniqueFd& folder) {
  struct stat opened {
  }, named{};
  return ::fstat(lock.get(), &opened) == 0 &&
         ::fstatat(folder.get(), kLockName, &named, AT_SYMLINK_NOFOLLOW) == 0 && is_same_file(opened, named);
}

bool take_alone(const UniqueFd& lock) { return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0; }

bool is_held(const UniqueFd& lock) {
  if (::flock(lock.get(), LOCK_SH | LOCK_NB) != 0) {
    return true;
  }
  ::flock(lock.get(), LOCK_UN);
  return false;
}

LockRecord read_record(const UniqueFd& lock) {
  std::array<char, kRecordBytes> text{};
  const ssize_t size = ::pread(lock.get(), text.data(), text.size(), 0);
  std::istringstream lines(std::string(text.data(), size > 0 ? static_cast<size_t>(size) : 0));
  LockRecord record;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string word;
    ProcessMark mark;
    fields >> word;
    if (word == "ready") {
      record.is_ready = true;
    } else if (fields >> mark.pid >> mark.started) {
      if (word == "keeper") {
        record.keeper = mark;
      } else if (word == "supervisor") {
        record.supervisor = mark;
      }
    }
  }
  return record;
}

bool write_record(const UniqueFd& lock, const LockRecord& record) noexcept {
  const std::string text = "keeper " + mark_text(record.keeper) +
                           (record.supervisor ? "supervisor " + mark_text(record.supervisor) : "") +
                           (record.is_ready ? "ready\n" : "");
  return ::pwrite(lock.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::ftruncate(lock.get(), static_cast<off_t>(text.size())) == 0;
}

void mark_ready(const UniqueFd& lock) noexcept {
  LockRecord record = read_record(lock);
  record.is_ready = true;
  write_record(lock, record);  // longer by a line: no block is needed for it
}

void kill_holders(const UniqueFd& lock) {
  struct stat wanted {};
  const UniqueFd all(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!all || ::fstat(lock.get(), &wanted) != 0) {
    return;
  }
  for (const std::string& name : supervisor::entries_of(all.get())) {
    const pid_t pid = std::atoi(name.c_str());
    if (pid <= 0 || pid == ::getpid()) {
      continue;
    }
    // Opened before it is looked at: a process that has its number later is not the one that is signalled.
    const UniqueFd process = open_process(mark_of(pid));
    if (process && holds("/proc/" + name, wanted)) {
      send_signal(process, SIGKILL);
    }
  }
}

}  // namespace labctl::supervisor
