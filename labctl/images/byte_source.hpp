#pragma once

// Bytes that come piece by piece, their SHA-256 on the way, and libarchive reading them.

#include <archive.h>
#include <openssl/evp.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::images {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next piece, valid until the next call; empty at the end. Throws Error.
  virtual std::span<const char> read() = 0;
};

struct FreeArchive {
  void operator()(archive* reader) const { ::archive_read_free(reader); }
};
using ArchiveReader = std::unique_ptr<archive, FreeArchive>;

// Throws Error InvalidInput: `what` and libarchive's words.
[[noreturn]] void refuse_archive(archive* reader, const std::string& what);

// gzip, zstd, bzip2, xz and what is not compressed: those that libarchive reads by itself. Of the others it would start
// programs of this host.
void accept_compression(archive* reader);

class SourceReader;

// Of an open archive what the entry has; holes are zeros.
class EntrySource final : public ByteSource {
 public:
  // `owner`: whose archive it is, if it reads from a source that may throw.
  EntrySource(archive* reader, std::string what, SourceReader* owner = nullptr);
  std::span<const char> read() override;

 private:
  archive* reader_;
  std::string what_;
  SourceReader* owner_;
  std::vector<char> buffer_;
};

// What `source` has, hashed.
class HashedSource final : public ByteSource {
 public:
  // What is longer than `max` bytes is refused: read() then throws Error InvalidInput.
  explicit HashedSource(ByteSource& source, std::uint64_t max = ~std::uint64_t{0});
  std::span<const char> read() override;
  // Reads to the end. "sha256:..." of everything.
  std::string digest();

 private:
  ByteSource& source_;
  std::uint64_t max_;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
  std::uint64_t size_ = 0;
};

// "sha256:..." of a text.
std::string digest_of(std::string_view text);

// Has libarchive read from `source`, which must outlive the reader. Throws as refuse_archive, and what `source` throws.
class SourceReader {
 public:
  // `is_tar`: entries of a tar; else the bytes themselves, decompressed, as one entry.
  SourceReader(ByteSource& source, bool is_tar, std::string what);
  SourceReader(const SourceReader&) = delete;
  SourceReader& operator=(const SourceReader&) = delete;
  archive* get() { return reader_.get(); }
  // The next entry, nullptr at the end.
  archive_entry* next();
  // Throws what the source threw: libarchive is C and must not see it.
  void check();

 private:
  static la_ssize_t read_callback(archive* reader, void* self, const void** buffer);
  ByteSource& source_;
  std::string what_;
  std::exception_ptr thrown_;
  ArchiveReader reader_;
};

}  // namespace labctl::images
