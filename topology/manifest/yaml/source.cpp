#include "topology/manifest/yaml/source.hpp"

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace labctl::manifest {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadAtOnce = 64u << 10;
// Files of one call; a folder with more is the wrong folder.
constexpr size_t kFilesMax = 10'000;
constexpr size_t kFoldersMax = 100'000;
// How long a named pipe may be without a writer.
constexpr int kWriterWaitMs = 5'000;

[[noreturn]] void refuse(const std::string& path, const std::string& why, std::string hint = {}) {
  throw Error(ErrorKind::InvalidInput, "read " + path + ": " + why, std::move(hint));
}

[[noreturn]] void refuse_errno(const char* act, const std::string& path) {
  Error error = Error::from_errno(errno, std::string(act) + " " + path);
  throw error.kind() == ErrorKind::NotFound ? error : Error(ErrorKind::InvalidInput, error.message());
}

// Nothing when `fd` has not become readable by then.
bool wait_readable(int fd, int timeout_ms) {
  pollfd wanted{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&wanted, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready != 0;
}

// To the end or just behind kSourceSizeMax, so that a pipe or device without end is no trouble.
std::string read_all(int fd, const std::string& name) {
  std::string text;
  while (text.size() <= kSourceSizeMax) {
    const size_t before = text.size();
    text.resize(before + kReadAtOnce);
    const ssize_t got = ::read(fd, text.data() + before, kReadAtOnce);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
      text.resize(before);
      wait_readable(fd, -1);
      continue;
    }
    if (got < 0) {
      refuse_errno("read", name);
    }
    text.resize(before + static_cast<size_t>(got));
    if (got == 0) {
      break;
    }
  }
  return text;
}

const char* kind_of(mode_t mode) {
  return S_ISFIFO(mode)   ? "a named pipe"
         : S_ISSOCK(mode) ? "a socket"
         : S_ISCHR(mode)  ? "a device"
         : S_ISBLK(mode)  ? "a device"
         : S_ISDIR(mode)  ? "a folder"
                          : "no file";
}

bool is_null_device(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

// The N of /dev/fd/N and its like: a descriptor that is open already, as a shell makes for <(command).
std::optional<int> own_descriptor(const std::string& path) {
  if (path == "/dev/stdin") {
    return STDIN_FILENO;
  }
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    int number = 0;
    if (path.starts_with(folder)) {
      const auto [end, error] =
          std::from_chars(path.data() + folder.size(), path.data() + path.size(), number);
      if (error == std::errc() && end == path.data() + path.size() && number >= 0) {
        return number;
      }
    }
  }
  return std::nullopt;
}

// Opened without waiting, whatever it is; only a file, a pipe or /dev/null is read.
UniqueFd open_source(const std::string& path) {
  if (const std::optional<int> number = own_descriptor(path)) {
    UniqueFd same(::fcntl(*number, F_DUPFD_CLOEXEC, 3));
    return same ? std::move(same) : (refuse_errno("open", path), UniqueFd());
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    refuse_errno("open", path);
  }
  // Opening some devices does something by itself.
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !is_null_device(status)) {
    refuse(path, std::string(kind_of(status.st_mode)) + ", not a file");
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    refuse_errno("open", path);
  }
  // Until somebody has it open for writing a pipe seems to be at its end.
  if (S_ISFIFO(status.st_mode) && !wait_readable(fd.get(), kWriterWaitMs)) {
    refuse(path, "a named pipe that nobody writes to",
           "start what writes to it first, or use <(command) or -");
  }
  return fd;
}

std::string read_file(const std::string& path) { return read_all(open_source(path).get(), path); }

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_manifest_name(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

// What one folder has for us; the folders in it go to `folders`. Links to folders are not followed, so that
// no walk goes in circles.
void look_into(const fs::path& folder, std::vector<Source>& files, std::vector<fs::path>& folders) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    if (is_hidden(path)) {
      continue;
    }
    std::error_code unreadable;
    if (entry->is_directory(unreadable) && !entry->is_symlink(unreadable)) {
      folders.push_back(path);
    } else if (is_manifest_name(path)) {
      struct stat status {};
      const bool is_there = ::stat(path.c_str(), &status) == 0;
      if (is_there && S_ISREG(status.st_mode)) {
        files.push_back({path.string(), {}, {}});
      } else if (!is_there || !S_ISDIR(status.st_mode)) {
        files.push_back(
            {path.string(), {}, is_there ? kind_of(status.st_mode) : std::generic_category().message(errno)});
      }
    }
  }
  if (error) {
    refuse(folder.string(), error.message());
  }
}

std::vector<Source> files_below(const std::string& folder) {
  std::vector<Source> files;
  std::vector<fs::path> folders{folder};
  size_t folders_seen = 0;
  while (!folders.empty()) {
    const fs::path next = std::move(folders.back());
    folders.pop_back();
    look_into(next, files, folders);
    if (files.size() > kFilesMax || ++folders_seen > kFoldersMax) {
      refuse(folder,
             "more than " + std::to_string(files.size() > kFilesMax ? kFilesMax : kFoldersMax) +
                 (files.size() > kFilesMax ? " manifests" : " folders"),
             "is this the right folder?");
    }
  }
  if (files.empty()) {
    throw Error(ErrorKind::NotFound, "read " + folder + ": no *.yaml, *.yml or *.json file in it");
  }
  std::sort(files.begin(), files.end(), [](const Source& a, const Source& b) { return a.name < b.name; });
  return files;
}

}  // namespace

std::vector<Source> read_sources(const std::vector<std::string>& paths) {
  std::vector<Source> sources;
  bool stdin_was_read = false;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path == "-") {
      if (stdin_was_read) {
        throw Error(ErrorKind::InvalidInput, "read -: standard input is given twice");
      }
      stdin_was_read = true;
      sources.push_back({"<stdin>", read_all(STDIN_FILENO, "<stdin>"), {}});
    } else if (fs::is_directory(path, error)) {
      for (Source& file : files_below(path)) {
        if (file.skipped.empty()) {
          file.text = read_file(file.name);
        }
        sources.push_back(std::move(file));
      }
    } else {
      sources.push_back({path, read_file(path), {}});
    }
  }
  return sources;
}

}  // namespace labctl::manifest
