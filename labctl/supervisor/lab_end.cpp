#include "labctl/supervisor/lab_end.hpp"

#include "topology/base/process_end.hpp"
#include "topology/base/timestamp.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>

namespace labctl::supervisor {
namespace {

// A lab that ended may lie there for long, and its log has no bound of its own.
constexpr off_t kLogBytes = off_t{64} * 1024;
// What is shown of it: the reason is in the last line or two.
constexpr size_t kWords = 20;
constexpr size_t kWordBytes = 400;
constexpr size_t kStoryLines = 5;

UniqueFd open_file_of(const LabFolder& lab, const char* name, int how) {
  return UniqueFd(
      ::openat(lab.folder.get(), name, how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600));
}

// The end of a file, from the beginning of a line.
std::string tail_of(const UniqueFd& file) {
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return {};
  }
  const off_t from = std::max<off_t>(0, status.st_size - kLogBytes);
  std::string text(static_cast<size_t>(status.st_size - from), '\0');
  const ssize_t size = ::pread(file.get(), text.data(), text.size(), from);
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  if (from > 0) {
    text.erase(0, text.find('\n') + 1);
  }
  return text;
}

void write_whole(const UniqueFd& file, const std::string& text) {
  if (!file || ::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) {
    return;  // a full disk: the rest of the folder tells at least that the lab ended
  }
}

}  // namespace

void leave_end(const LabFolder& lab, int status) noexcept {
  if (const UniqueFd log = open_file_of(lab, kLogName, O_RDWR)) {
    write_whole(log, tail_of(log));
    ::fchmod(log.get(), 0600);
  }
  write_whole(open_file_of(lab, kEndName, O_RDWR | O_CREAT),
              timestamp(std::chrono::system_clock::now()) + "\n" + end_in_words(status) + "\n");
  ::unlinkat(lab.folder.get(), kSocketName, 0);
}

LabEnd read_end(const LabFolder& lab) {
  LabEnd end;
  std::istringstream how(tail_of(open_file_of(lab, kEndName, O_RDONLY)));
  std::getline(how, end.time);
  std::getline(how, end.how);
  std::istringstream log(tail_of(open_file_of(lab, kLogName, O_RDONLY)));
  for (std::string line; std::getline(log, line);) {
    end.words.push_back(line.size() > kWordBytes ? line.substr(0, kWordBytes) + "..." : line);
    if (end.words.size() > kWords) {
      end.words.erase(end.words.begin());
    }
  }
  return end;
}

std::string sentence_of(const std::string& lab, const LabEnd& end) {
  return "lab \"" + lab + "\" " +
         (end.how.empty() ? "was killed, and with it the process that keeps it"
                          : "ended by itself at " + end.time + ": " + end.how);
}

std::string story_of(const std::string& lab, const LabEnd& end) {
  std::string story = sentence_of(lab, end);
  const size_t shown = std::min(end.words.size(), kStoryLines);
  if (shown > 0) {
    story += "; its last words:";
  }
  for (size_t i = end.words.size() - shown; i < end.words.size(); ++i) {
    story += "\n  " + end.words[i];
  }
  return story;
}

}  // namespace labctl::supervisor
