#pragma once

// A file that is there whole or as it was: written beside its place under another name, then renamed, so that
// a killed run leaves the report of the one before.

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>

namespace labctl::scenario {

class ReportFile {
 public:
  // An empty `path` is no file. Makes the folders on its way and looks whether it can be written, so that
  // it is known before anything runs. Throws Error.
  explicit ReportFile(std::string path);

  // Throws Error; what stood there stays then.
  void write(const std::function<void(std::ostream&)>& content);

 private:
  // A device, a pipe or a symbolic link is written to, not replaced; so is a file in a folder that is not
  // ours to write to.
  bool is_in_place() const;
  void write_to(const std::filesystem::path& path, const std::function<void(std::ostream&)>& content) const;

  std::filesystem::path path_;
};

}  // namespace labctl::scenario
