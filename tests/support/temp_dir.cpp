#include "tests/support/temp_dir.hpp"

#include "topology/base/error.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace labctl::support {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "labctl-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Error::from_errno(errno, "make a folder " + name);
  }
  path_ = name;
}

TempDir::~TempDir() {
  if (!path_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

std::filesystem::path TempDir::write(std::string_view name, std::string_view text) const {
  const std::filesystem::path file = path_ / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) {
    throw Error(ErrorKind::Internal, "write " + file.string());
  }
  return file;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw Error(ErrorKind::NotFound, "read " + path.string() + ": no such file");
  }
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

}  // namespace labctl::support
