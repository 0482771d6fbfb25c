#pragma once

// The files of an image archive by name: a tar (also compressed) as `docker save`, `podman save`, `skopeo` and `buildah`
// write it, or a folder with an OCI layout.
//
// Threads: one at a time.

#include "labctl/images/byte_source.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace labctl::images {

class ImageArchive {
 public:
  virtual ~ImageArchive() = default;

  // Reads a tar once, for its names and small documents. Throws Error: NotFound if nothing is there; InvalidInput for
  // what is no archive, with the first reason; by errno.
  static std::unique_ptr<ImageArchive> open(const std::filesystem::path& path);

  // The text of a file of at most kDocumentMax bytes; nothing if there is none of that name.
  virtual std::optional<std::string> document(const std::string& name) = 0;
  // Has `use` read the file. Throws Error InvalidInput if it is not there, and what `use` throws.
  virtual void read(const std::string& name, const std::function<void(ByteSource&)>& use) = 0;
  // "shop.tar", as it was named.
  const std::string& shown() const { return shown_; }

 protected:
  explicit ImageArchive(std::string shown) : shown_(std::move(shown)) {}

 private:
  std::string shown_;
};

inline constexpr std::size_t kDocumentMax = std::size_t{4} << 20;

}  // namespace labctl::images
