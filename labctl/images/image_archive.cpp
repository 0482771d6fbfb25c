#include "labctl/images/image_archive.hpp"

#include "labctl/images/tree_open.hpp"
#include "labctl/images/tree_writer.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::images {
namespace {

namespace fs = std::filesystem;

// Far more than 512 layers need.
constexpr std::size_t kEntriesMax = 100'000;
constexpr std::size_t kDocumentsMax = std::size_t{64} << 20;
constexpr int kLinksMax = 16;
constexpr std::size_t kBlock = std::size_t{64} << 10;

// "a/b" and "../c" is "c".
std::string beside(const std::string& link, std::string_view target) {
  std::vector<std::string> parts;
  const std::string whole = target.starts_with('/')
                                ? std::string(target)
                                : link.substr(0, link.rfind('/') + 1) + std::string(target);
  for (const fs::path& part : fs::path(whole).relative_path()) {
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (part != ".." && part != "." && !part.empty()) {
      parts.push_back(part.string());
    }
  }
  std::string path;
  for (const std::string& part : parts) {
    path += (path.empty() ? "" : "/") + part;
  }
  return path;
}

class TarArchive final : public ImageArchive {
 public:
  TarArchive(std::string shown, UniqueFd file) : ImageArchive(std::move(shown)), file_(std::move(file)) {
    index();
  }

  std::optional<std::string> document(const std::string& name) override {
    const auto found = documents_.find(resolve(name));
    return found == documents_.end() ? std::nullopt : std::optional(found->second);
  }

  void read(const std::string& name, const std::function<void(ByteSource&)>& use) override {
    const std::string wanted = resolve(name);
    const ArchiveReader reader = open_reader();
    while (archive_entry* entry = next(reader.get())) {
      if (::archive_entry_filetype(entry) == AE_IFREG && ::archive_entry_hardlink(entry) == nullptr &&
          name_of(entry) == wanted) {
        EntrySource source(reader.get(), shown() + ":" + name);
        use(source);
        return;
      }
    }
    throw Error(ErrorKind::InvalidInput, shown() + ": has no file " + name);
  }

 private:
  ArchiveReader open_reader() {
    ArchiveReader reader(::archive_read_new());
    if (!reader) {
      throw std::bad_alloc();
    }
    accept_compression(reader.get());
    ::archive_read_support_format_tar(reader.get());
    if (::lseek(file_.get(), 0, SEEK_SET) != 0) {
      throw Error::from_errno(errno, "read " + shown());
    }
    if (::archive_read_open_fd(reader.get(), file_.get(), kBlock) != ARCHIVE_OK) {
      refuse_archive(reader.get(), shown());
    }
    return reader;
  }

  archive_entry* next(archive* reader) {
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(reader, &entry);
    if (result != ARCHIVE_EOF && result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      refuse_archive(reader, shown());
    }
    return result == ARCHIVE_EOF ? nullptr : entry;
  }

  std::string name_of(archive_entry* entry) {
    const char* raw = ::archive_entry_pathname(entry);
    try {
      return clean_path(raw);
    } catch (Error& error) {
      throw error.add_frame(shown() + ":" + (raw == nullptr ? "?" : raw));
    }
  }

  void index() {
    const ArchiveReader reader = open_reader();
    std::size_t entries = 0;
    std::size_t kept = 0;
    while (archive_entry* entry = next(reader.get())) {
      if (++entries > kEntriesMax) {
        throw Error(ErrorKind::InvalidInput,
                    shown() + ": has more than " + std::to_string(kEntriesMax) + " entries");
      }
      const std::string name = name_of(entry);
      if (const char* target = ::archive_entry_hardlink(entry)) {
        links_.emplace(name, beside("", target));
      } else if (::archive_entry_filetype(entry) == AE_IFLNK) {
        const char* symlink = ::archive_entry_symlink(entry);
        links_.emplace(name, beside(name, symlink == nullptr ? "" : symlink));
      } else if (::archive_entry_filetype(entry) == AE_IFREG &&
                 ::archive_entry_size(entry) <= static_cast<la_int64_t>(kDocumentMax)) {
        kept += keep_document(reader.get(), name);
        if (kept > kDocumentsMax) {
          throw Error(ErrorKind::InvalidInput, shown() + ": has too many documents");
        }
      }
    }
  }

  // What may be JSON by its first byte. How much was kept.
  std::size_t keep_document(archive* reader, const std::string& name) {
    EntrySource source(reader, shown() + ":" + name);
    std::string text;
    for (std::span<const char> piece = source.read(); !piece.empty(); piece = source.read()) {
      if (text.empty() && piece.front() != '{' && piece.front() != '[') {
        return 0;
      }
      text.append(piece.data(), piece.size());
      if (text.size() > kDocumentMax) {
        return 0;
      }
    }
    const std::size_t size = text.size();
    return documents_.emplace(name, std::move(text)).second ? size : 0;
  }

  std::string resolve(std::string name) const {
    for (int i = 0; i < kLinksMax; ++i) {
      const auto link = links_.find(name);
      if (link == links_.end()) {
        return name;
      }
      name = link->second;
    }
    throw Error(ErrorKind::InvalidInput, shown() + ":" + name + ": a link that leads to itself");
  }

  UniqueFd file_;
  std::map<std::string, std::string> documents_;
  std::map<std::string, std::string> links_;
};

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, std::string what) : fd_(fd), what_(std::move(what)) {}
  std::span<const char> read() override {
    ssize_t length = -1;
    do {
      length = ::read(fd_, buffer_.data(), buffer_.size());
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
      throw Error::from_errno(errno, "read " + what_);
    }
    return {buffer_.data(), static_cast<std::size_t>(length)};
  }

 private:
  int fd_;
  std::string what_;
  std::array<char, kBlock> buffer_{};
};

class FolderArchive final : public ImageArchive {
 public:
  FolderArchive(std::string shown, UniqueFd folder)
      : ImageArchive(std::move(shown)), folder_(std::move(folder)) {}

  std::optional<std::string> document(const std::string& name) override {
    struct stat status {};
    const UniqueFd file = open_file(name);
    if (!file || ::fstat(file.get(), &status) != 0 || status.st_size > static_cast<off_t>(kDocumentMax)) {
      return std::nullopt;
    }
    FileSource source(file.get(), shown() + ":" + name);
    std::string text;
    for (std::span<const char> piece = source.read(); !piece.empty() && text.size() <= kDocumentMax;
         piece = source.read()) {
      text.append(piece.data(), piece.size());
    }
    return text;
  }

  void read(const std::string& name, const std::function<void(ByteSource&)>& use) override {
    const UniqueFd file = open_file(name);
    if (!file) {
      throw Error(ErrorKind::InvalidInput, shown() + ": has no file " + name);
    }
    FileSource source(file.get(), shown() + ":" + name);
    use(source);
  }

 private:
  // Empty for what is no file.
  UniqueFd open_file(const std::string& name) {
    struct stat status {};
    UniqueFd file = open_beneath_root(folder_.get(), name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    return file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) ? std::move(file)
                                                                                : UniqueFd();
  }
  UniqueFd folder_;
};

}  // namespace

std::unique_ptr<ImageArchive> ImageArchive::open(const fs::path& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) {
    throw Error::from_errno(errno, "open " + path.string());
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw Error::from_errno(errno, "open " + path.string());
  }
  const std::string shown = path.filename().empty() ? path.string() : path.filename().string();
  if (S_ISDIR(status.st_mode)) {
    return std::make_unique<FolderArchive>(shown, std::move(file));
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::InvalidInput, "open " + path.string() + ": neither a file nor a folder");
  }
  return std::make_unique<TarArchive>(shown, std::move(file));
}

}  // namespace labctl::images
