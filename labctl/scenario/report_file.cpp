#include "labctl/scenario/report_file.hpp"

#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <random>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;

// In the same folder: a rename stays within a file system.
fs::path beside(const fs::path& path) {
  std::random_device random;
  return path.parent_path() / ("." + path.filename().string().substr(0, 200) + ".labctl-" +
                               std::to_string(random()) + std::to_string(random()));
}

// Its mode is that of any file the user makes.
void make_new(const fs::path& path, const fs::path& told) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file) {
    throw Error::from_errno(errno, "write " + told.string());
  }
}

}  // namespace

ReportFile::ReportFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) {
    return;
  }
  if (is_in_place()) {
    const int why = fs::is_directory(path_) ? EISDIR : ::access(path_.c_str(), W_OK) != 0 ? errno : 0;
    if (why != 0) {
      throw Error::from_errno(why, "write " + path_.string());
    }
    return;
  }
  if (!path_.has_filename()) {
    throw Error::from_errno(EISDIR, "write " + path_.string());
  }
  if (std::error_code why; path_.has_parent_path() && !fs::is_directory(path_.parent_path(), why)) {
    fs::create_directories(path_.parent_path(), why);
    if (why) {
      throw Error::from_errno(why.value(), "make the folder of " + path_.string());
    }
  }
  const fs::path trial = beside(path_);
  make_new(trial, path_);
  ::unlink(trial.c_str());
}

void ReportFile::write(const std::function<void(std::ostream&)>& content) {
  if (path_.empty()) {
    return;
  }
  if (is_in_place()) {
    return write_to(path_, content);
  }
  const fs::path temporary = beside(path_);
  make_new(temporary, path_);
  ScopeExit remove([&] { ::unlink(temporary.c_str()); });
  write_to(temporary, content);
  if (::rename(temporary.c_str(), path_.c_str()) != 0) {
    throw Error::from_errno(errno, "write " + path_.string());
  }
  remove.dismiss();
}

void ReportFile::write_to(const fs::path& path, const std::function<void(std::ostream&)>& content) const {
  std::ofstream file(path);
  content(file);
  file.flush();
  if (!file) {
    throw Error::from_errno(errno, "write " + path_.string());
  }
}

bool ReportFile::is_in_place() const {
  struct stat there {};
  if (::lstat(path_.c_str(), &there) != 0) {
    return false;
  }
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : fs::path(".");
  return !S_ISREG(there.st_mode) || ::access(folder.c_str(), W_OK) != 0;
}

}  // namespace labctl::scenario
