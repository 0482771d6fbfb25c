#pragma once

// The user's unpacked images, each in a folder named by the digest of its configuration:
//
//   $XDG_CACHE_HOME/labctl/images/        else ~/.cache/labctl/images; 0700, ours
//     sha256-0123.../image.json           what it is: names, digest, archive, size, when
//     sha256-0123.../root/                its file tree
//     .unpack-XXXXXX/                     one that is being made, locked by who makes it
//
// A folder gets its name when it is whole, by a rename: what was interrupted has none and is never used, and of two
// processes that unpack the same image one's folder stays.

#include "labctl/images/image_reader.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace labctl::images {

struct CachedImage {
  std::string digest;
  std::vector<std::string> names;
  std::string archive;  // where it came from: absolute
  std::uint64_t bytes = 0;
  std::uint64_t left_out = 0;
  std::int64_t unpacked_at = 0;  // seconds since 1970
  std::filesystem::path root;
  FileOwners owners{};                       // of its files that are not root's
  std::uint64_t owners_left_out = 0;         // files that were not and are here: too many, or too large
  std::vector<std::string> exposed_ports{};  // "80/tcp", as its configuration says
};

// Where it is, whether or not it is there. Throws Error NotFound when the environment names no home.
std::filesystem::path cache_path();

class ImageCache {
 public:
  // Makes the folder. Throws Error Permission when it is there and is not ours alone.
  static ImageCache open(const std::filesystem::path& path = cache_path());

  // Of an image that is there whole.
  std::optional<CachedImage> find(const std::string& digest) const;
  // The image's files, unpacked if they are not there yet. Throws as unpack().
  CachedImage provide(ImageArchive& archive, const ImageInArchive& image, const std::string& archive_path,
                      UnpackLimits limits = {});
  // By digest.
  std::vector<CachedImage> list() const;
  // False if it is not there.
  bool remove(const std::string& digest);
  // Takes away what was interrupted. How many.
  std::size_t remove_leftovers();

 private:
  ImageCache(std::filesystem::path path, UniqueFd folder)
      : path_(std::move(path)), folder_(std::move(folder)) {}
  std::filesystem::path path_;
  UniqueFd folder_;
};

}  // namespace labctl::images
