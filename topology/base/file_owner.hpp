#pragma once

// Whose a file is, by ids of the user namespace that it is seen in.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace labctl {

struct FileOwner {
  std::string path;  // of a file tree, without a '/' before it: "var/lib/redis"
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool operator==(const FileOwner&) const = default;
};

// Of an image: the same list for all containers that run it, and never changed. Empty: all is root's.
class FileOwners {
 public:
  FileOwners() = default;
  explicit FileOwners(std::vector<FileOwner> list)
      : list_(list.empty() ? nullptr : std::make_shared<const std::vector<FileOwner>>(std::move(list))) {}
  bool empty() const { return list_ == nullptr; }
  const FileOwner* begin() const { return empty() ? nullptr : list_->data(); }
  const FileOwner* end() const { return empty() ? nullptr : list_->data() + list_->size(); }
  bool operator==(const FileOwners& other) const {
    return list_ == other.list_ || (!empty() && !other.empty() && *list_ == *other.list_);
  }

 private:
  std::shared_ptr<const std::vector<FileOwner>> list_;
};

}  // namespace labctl
