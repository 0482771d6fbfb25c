#include "topology/manifest/source.hpp"

#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace labctl::manifest {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadAtOnce = 64u << 10;
// Files of one call; a folder with more is the wrong folder.
constexpr size_t kFilesMax = 10'000;

// To the end or just behind kSourceSizeMax, so that a pipe or device without end is no trouble.
std::string read_all(int fd, const std::string& name) {
  std::string text;
  while (text.size() <= kSourceSizeMax) {
    const size_t before = text.size();
    text.resize(before + kReadAtOnce);
    const ssize_t got = ::read(fd, text.data() + before, kReadAtOnce);
    if (got < 0 && errno == EINTR) {
      text.resize(before);
      continue;
    }
    if (got < 0) {
      Error error = Error::from_errno(errno, "read " + name);
      throw Error(ErrorKind::InvalidInput, error.message());
    }
    text.resize(before + static_cast<size_t>(got));
    if (got == 0) {
      break;
    }
  }
  return text;
}

std::string read_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    Error error = Error::from_errno(errno, "open " + path);
    throw error.kind() == ErrorKind::NotFound ? error : Error(ErrorKind::InvalidInput, error.message());
  }
  return read_all(fd.get(), path);
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    const std::string extension = path.extension().string();
    if (is_hidden(path)) {
      entry.disable_recursion_pending();
    } else if ((extension == ".yaml" || extension == ".yml" || extension == ".json") &&
               entry->is_regular_file()) {
      files.push_back(path.string());
    }
    if (files.size() > kFilesMax) {
      throw Error(ErrorKind::InvalidInput,
                  "read " + folder + ": more than " + std::to_string(kFilesMax) + " manifests",
                  "is this the right folder?");
    }
  }
  if (error) {
    throw Error(ErrorKind::InvalidInput, "read " + folder + ": " + error.message());
  }
  if (files.empty()) {
    throw Error(ErrorKind::NotFound, "read " + folder + ": no *.yaml, *.yml or *.json file in it");
  }
  std::sort(files.begin(), files.end());
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
      sources.push_back({"<stdin>", read_all(STDIN_FILENO, "<stdin>")});
    } else if (fs::is_directory(path, error)) {
      for (std::string& file : files_below(path)) {
        std::string text = read_file(file);
        sources.push_back({std::move(file), std::move(text)});
      }
    } else {
      sources.push_back({path, read_file(path)});
    }
  }
  return sources;
}

}  // namespace labctl::manifest
