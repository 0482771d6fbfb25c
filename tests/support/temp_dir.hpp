#pragma once

// A folder of a test's own, removed with everything in it.

#include <filesystem>
#include <string>
#include <string_view>

namespace labctl::support {

class TempDir {
 public:
  // Below $TMPDIR or /tmp, mode 0700. Throws Error when it cannot be made.
  TempDir();
  ~TempDir();
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&&) = delete;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes a file, making the folders above it, and returns its path.
  std::filesystem::path write(std::string_view name, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

// The whole file as text. Throws Error NotFound.
std::string read_file(const std::filesystem::path& path);

}  // namespace labctl::support
