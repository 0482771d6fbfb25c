#include "labctl/images/tree_writer.hpp"

#include "labctl/images/tree_open.hpp"
#include "topology/base/error.hpp"

#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kIdMax = std::numeric_limits<std::int32_t>::max();
// A file that is given to another is copied to the container's own layer, at every start.
constexpr std::size_t kOwnersMax = 10'000;
constexpr std::uint64_t kOwnedBytesMax = std::uint64_t{16} << 20;
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kInternal = ".wh..wh.";  // of AUFS itself
constexpr std::size_t kDepthMax = 512;
// Only these bits, and its owner may always go into a folder: who unpacks it must be able to take it away.
constexpr mode_t kModeBits = 01777;
constexpr mode_t kOwnFolder = 0700;

std::pair<std::string, std::string> split_last(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::pair{std::string(), path}
                                    : std::pair{path.substr(0, slash), path.substr(slash + 1)};
}

[[noreturn]] void refuse_entry(const std::string& why) { throw Error(ErrorKind::InvalidInput, why); }

bool is_folder(int parent, const std::string& name) {
  struct stat status {};
  return ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

// Whatever it is, links not followed.
void remove_at(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) {
    return;
  }
  std::error_code failure;
  fs::remove_all("/proc/self/fd/" + std::to_string(parent) + "/" + name, failure);
  if (failure) {
    throw Error::from_errno(failure.value(), "remove what an earlier layer has there");
  }
}

void write_at(int fd, const char* bytes, std::size_t length, std::int64_t offset) {
  while (length > 0) {
    const ssize_t written = ::pwrite(fd, bytes, length, offset);
    if (written < 0 && errno != EINTR) {
      throw Error::from_errno(errno, "write");
    }
    if (written > 0) {
      bytes += written;
      length -= static_cast<std::size_t>(written);
      offset += written;
    }
  }
}

}  // namespace

std::string clean_path(const char* path) {
  if (path == nullptr) {
    refuse_entry("its name is no text");
  }
  const std::string_view text(path);
  std::string clean;
  std::size_t depth = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      refuse_entry("leads out of the image (\"..\")");
    }
    if (part.size() > NAME_MAX || clean.size() + part.size() + 2 > PATH_MAX || ++depth > kDepthMax) {
      refuse_entry("a name is too long");
    }
    clean += (clean.empty() ? "" : "/");
    clean += part;
  }
  return clean;
}

TreeWriter::TreeWriter(const fs::path& root, UnpackLimits limits)
    : root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)), limits_(limits) {
  if (!root_) {
    throw Error::from_errno(errno, "open " + root.string());
  }
}

void TreeWriter::apply(SourceReader& layer, const std::string& what) {
  of_layer_.clear();
  while (archive_entry* entry = layer.next()) {
    if (++entries_ > limits_.entries) {
      throw Error(ErrorKind::InvalidInput,
                  what + ": has more than " + std::to_string(limits_.entries) + " entries");
    }
    const char* raw = ::archive_entry_pathname(entry);
    try {
      const std::string path = clean_path(raw);
      if (!path.empty()) {
        add(layer.get(), entry, path);
      }
    } catch (Error& error) {
      layer.check();
      throw error.add_frame(what + ":" + (raw == nullptr ? "?" : raw));
    }
  }
}

void TreeWriter::add(archive* reader, archive_entry* entry, const std::string& path) {
  const auto [parent, name] = split_last(path);
  if (name == kOpaque) {
    clear(parent);
    return;
  }
  if (name.starts_with(kInternal)) {
    return;
  }
  if (name.starts_with(kWhiteout)) {
    white_out(parent, name.substr(kWhiteout.size()));
    return;
  }
  const Place place = place_of(path);
  if (::archive_entry_hardlink(entry) != nullptr) {
    add_link(entry, place);
  } else {
    switch (::archive_entry_filetype(entry)) {
      case AE_IFREG:
        add_file(reader, entry, place);
        break;
      case AE_IFDIR:
        add_folder(entry, place);
        break;
      case AE_IFLNK: {
        const char* target = ::archive_entry_symlink(entry);
        if (target == nullptr || *target == '\0') {
          refuse_entry("a symbolic link to nothing");
        }
        remove_at(place.folder.get(), place.name);
        if (::symlinkat(target, place.folder.get(), place.name.c_str()) != 0) {
          throw Error::from_errno(errno, "link");
        }
        break;
      }
      default:
        ++left_out_;
        return;
    }
  }
  note_owner(entry, path);
  of_layer_.insert(path);
}

void TreeWriter::note_owner(archive_entry* entry, const std::string& path) {
  owners_.erase(path);
  const auto id_of = [](std::int64_t id) {
    return id > 0 && id <= kIdMax ? static_cast<std::uint32_t>(id) : 0U;
  };
  const FileOwner owner{path, id_of(::archive_entry_uid(entry)), id_of(::archive_entry_gid(entry))};
  if ((owner.uid == 0 && owner.gid == 0) || ::archive_entry_filetype(entry) == AE_IFLNK) {
    return;
  }
  const auto size = ::archive_entry_filetype(entry) == AE_IFREG
                        ? static_cast<std::uint64_t>(std::max<std::int64_t>(::archive_entry_size(entry), 0))
                        : 0U;
  if (owners_.size() >= kOwnersMax || size > kOwnedBytesMax - owned_bytes_) {
    ++owners_left_out_;
    return;
  }
  owned_bytes_ += size;
  owners_.emplace(path, owner);
}

std::vector<FileOwner> TreeWriter::owners() const {
  std::vector<FileOwner> all;
  for (const auto& [path, owner] : owners_) {
    all.push_back(owner);
  }
  return all;
}

TreeWriter::Place TreeWriter::place_of(const std::string& path) {
  auto [parent, name] = split_last(path);
  return {folder_at(parent, true), std::move(name)};
}

// Empty if it is not there and `makes` is not set.
UniqueFd TreeWriter::folder_at(const std::string& path, bool makes) {
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  UniqueFd whole = open_in_root(root_.get(), path, kFlags);
  if (whole || (!makes && errno == ENOENT)) {
    return whole;
  }
  std::string so_far;
  UniqueFd at = open_in_root(root_.get(), "", kFlags);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    begin = end + 1;
    so_far += (so_far.empty() ? "" : "/") + part;
    // From the root each time: a link may lead to another place of the image.
    UniqueFd next = open_in_root(root_.get(), so_far, kFlags);
    if (!next && errno == ENOENT) {
      if (::mkdirat(at.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
        throw Error::from_errno(errno, "make folder " + so_far);
      }
      next = open_in_root(root_.get(), so_far, kFlags);
    }
    if (!next) {
      throw Error::from_errno(errno, "open folder " + so_far + " of the image");
    }
    at = std::move(next);
  }
  return at;
}

void TreeWriter::make_folder(const std::string& path) {
  const std::string clean = clean_path(path.c_str());
  if (!clean.empty()) {
    folder_at(clean, true);
  }
}

void TreeWriter::count_bytes(std::uint64_t more) {
  if (more > limits_.bytes - std::min(bytes_, limits_.bytes)) {
    refuse_entry("the image is larger than " + std::to_string(limits_.bytes) + " bytes");
  }
  bytes_ += more;
}

void TreeWriter::add_file(archive* reader, archive_entry* entry, const Place& place) {
  const std::int64_t size = ::archive_entry_size(entry);
  if (size < 0) {
    refuse_entry("its size is negative");
  }
  count_bytes(static_cast<std::uint64_t>(size));
  remove_at(place.folder.get(), place.name);
  const UniqueFd file(::openat(place.folder.get(), place.name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    throw Error::from_errno(errno, "make");
  }
  for (;;) {
    const void* block = nullptr;
    std::size_t length = 0;
    la_int64_t offset = 0;
    const int result = ::archive_read_data_block(reader, &block, &length, &offset);
    if (result == ARCHIVE_EOF) {
      break;
    }
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      refuse_archive(reader, "its bytes");
    }
    if (offset < 0 || offset > size || length > static_cast<std::uint64_t>(size - offset)) {
      refuse_entry("has more bytes than it says");
    }
    write_at(file.get(), static_cast<const char*>(block), length, offset);
  }
  if (::ftruncate(file.get(), size) != 0 ||
      ::fchmod(file.get(), ::archive_entry_perm(entry) & kModeBits) != 0) {
    throw Error::from_errno(errno, "make");
  }
}

void TreeWriter::add_folder(archive_entry* entry, const Place& place) {
  if (!is_folder(place.folder.get(), place.name)) {
    remove_at(place.folder.get(), place.name);
    if (::mkdirat(place.folder.get(), place.name.c_str(), kOwnFolder) != 0) {
      throw Error::from_errno(errno, "make folder");
    }
  }
  const UniqueFd folder(
      ::openat(place.folder.get(), place.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder || ::fchmod(folder.get(), (::archive_entry_perm(entry) & kModeBits) | kOwnFolder) != 0) {
    throw Error::from_errno(errno, "make folder");
  }
}

// To a file that an entry before it has made, wherever that may be in the image.
void TreeWriter::add_link(archive_entry* entry, const Place& place) {
  const std::string target = clean_path(::archive_entry_hardlink(entry));
  const auto [parent, name] = split_last(target);
  const UniqueFd folder = folder_at(parent, false);
  struct stat status {};
  if (!folder || name.empty() || ::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    refuse_entry("a hard link to " + target + ", which is not in the image");
  }
  if (S_ISDIR(status.st_mode)) {
    refuse_entry("a hard link to " + target + ", which is a folder");
  }
  struct stat there {};
  if (::fstatat(place.folder.get(), place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      there.st_ino == status.st_ino && there.st_dev == status.st_dev) {
    return;  // already the same file
  }
  remove_at(place.folder.get(), place.name);
  if (::linkat(folder.get(), name.c_str(), place.folder.get(), place.name.c_str(), 0) != 0) {
    throw Error::from_errno(errno, "link to " + target);
  }
}

void TreeWriter::white_out(const std::string& parent, const std::string& name) {
  if (name.empty() || name == "." || name == "..") {
    refuse_entry("a whiteout of nothing");
  }
  const std::string path = parent.empty() ? name : parent + "/" + name;
  if (of_layer_.contains(path)) {
    return;
  }
  if (const UniqueFd folder = folder_at(parent, false)) {
    remove_at(folder.get(), name);
  }
}

// What layers below have in the folder goes; what this one has put there stays.
void TreeWriter::clear(const std::string& parent) {
  const UniqueFd folder = folder_at(parent, false);
  if (!folder) {
    return;
  }
  std::vector<std::string> below;
  std::error_code failure;
  for (const fs::directory_entry& entry :
       fs::directory_iterator("/proc/self/fd/" + std::to_string(folder.get()), failure)) {
    below.push_back(entry.path().filename().string());
  }
  for (const std::string& name : below) {
    const std::string path = parent.empty() ? name : parent + "/" + name;
    const auto own = of_layer_.lower_bound(path);
    if (own != of_layer_.end() && *own == path) {
      if (is_folder(folder.get(), name)) {
        clear(path);
      }
      continue;
    }
    const auto in_it = of_layer_.lower_bound(path + "/");
    if (in_it != of_layer_.end() && in_it->starts_with(path + "/")) {
      clear(path);
    } else {
      remove_at(folder.get(), name);
    }
  }
}

}  // namespace labctl::images
