#pragma once

// The folder that evidence of a failure is collected in: for its user's eyes alone (0700, files 0600), made
// beside its place and put there whole, so that a killed run leaves the one before and two runs never mix.
//
// Only a folder with our marker in it is ever replaced or removed. What else stands in the place is its
// owner's: the evidence then goes to a name beside it. No symbolic link below the root is followed.

#include "topology/base/unique_fd.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace labctl::scenario {

// A name that a file system takes (255 bytes), with room for a suffix: what is longer is cut, and ends in a
// number that tells it from others with that beginning.
std::string fitting_file_name(const std::string& name);

class EvidenceFolder {
 public:
  // A file of this name marks a folder that is ours.
  static constexpr const char* kMarker = ".labctl-evidence";

  // Makes `root` if it is not there, and in it an empty folder under a temporary name; folders that runs left
  // there when they were killed are removed. Throws Error when that cannot be.
  explicit EvidenceFolder(const std::filesystem::path& root);
  // Removes what was not put in place.
  ~EvidenceFolder();
  EvidenceFolder(const EvidenceFolder&) = delete;
  EvidenceFolder& operator=(const EvidenceFolder&) = delete;

  // A new file in it, with the folders on its way. Throws Error, AlreadyExists too.
  UniqueFd create_file(const std::filesystem::path& name);
  void write(const std::filesystem::path& name, std::string_view text);

  struct Place {
    std::filesystem::path path;
    std::string why;  // it is not where it was to be; else empty
  };
  // Puts it at `name` in the root, in place of the evidence that is there. Called once. Throws Error.
  Place put_in_place(const std::string& name);

 private:
  std::filesystem::path root_;
  UniqueFd root_fd_;
  std::string temporary_;
  UniqueFd folder_;  // locked while it is being filled
};

}  // namespace labctl::scenario
