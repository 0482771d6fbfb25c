#include "labctl/images/byte_source.hpp"

#include "labctl/images/image_documents.hpp"
#include "topology/base/error.hpp"

#include <array>
#include <exception>
#include <new>
#include <utility>

namespace labctl::images {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;

void finish_digest(EVP_MD_CTX* context, std::string& text) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int length = 0;
  if (::EVP_DigestFinal_ex(context, bytes.data(), &length) != 1) {
    throw Error(ErrorKind::Internal, "SHA-256: OpenSSL refuses it");
  }
  for (unsigned int i = 0; i < length; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
}

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  std::span<const char> read() override {
    const std::string_view piece = std::exchange(text_, {});
    return {piece.data(), piece.size()};
  }

 private:
  std::string_view text_;
};

}  // namespace

void refuse_archive(archive* reader, const std::string& what) {
  const char* words = ::archive_error_string(reader);
  throw Error(ErrorKind::InvalidInput, what + ": " + (words == nullptr ? "cannot be read" : words));
}

void accept_compression(archive* reader) {
  ::archive_read_support_filter_gzip(reader);
  ::archive_read_support_filter_zstd(reader);
  ::archive_read_support_filter_bzip2(reader);
  ::archive_read_support_filter_xz(reader);
}

EntrySource::EntrySource(archive* reader, std::string what, SourceReader* owner)
    : reader_(reader), what_(std::move(what)), owner_(owner), buffer_(kPiece) {}

std::span<const char> EntrySource::read() {
  const la_ssize_t length = ::archive_read_data(reader_, buffer_.data(), buffer_.size());
  if (owner_ != nullptr) {
    owner_->check();
  }
  if (length < 0) {
    refuse_archive(reader_, what_);
  }
  return {buffer_.data(), static_cast<std::size_t>(length)};
}

HashedSource::HashedSource(ByteSource& source, std::uint64_t max)
    : source_(source), max_(max), context_(::EVP_MD_CTX_new(), ::EVP_MD_CTX_free) {
  if (!context_ || ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();
  }
}

std::span<const char> HashedSource::read() {
  const std::span<const char> piece = source_.read();
  ::EVP_DigestUpdate(context_.get(), piece.data(), piece.size());
  size_ += piece.size();
  if (size_ > max_) {
    throw Error(ErrorKind::InvalidInput, "has more than " + std::to_string(max_) + " bytes");
  }
  return piece;
}

std::string HashedSource::digest() {
  while (!read().empty()) {
  }
  std::string text(kDigestBegin);
  finish_digest(context_.get(), text);
  return text;
}

std::string digest_of(std::string_view text) {
  TextSource source(text);
  return HashedSource(source).digest();
}

SourceReader::SourceReader(ByteSource& source, bool is_tar, std::string what)
    : source_(source), what_(std::move(what)), reader_(::archive_read_new()) {
  if (!reader_) {
    throw std::bad_alloc();
  }
  if (is_tar) {
    ::archive_read_support_format_tar(reader_.get());
    ::archive_read_support_format_empty(reader_.get());
  } else {
    accept_compression(reader_.get());
    ::archive_read_support_format_raw(reader_.get());
    ::archive_read_support_format_empty(reader_.get());
  }
  const int opened = ::archive_read_open2(reader_.get(), this, nullptr, read_callback, nullptr, nullptr);
  check();
  if (opened != ARCHIVE_OK) {
    refuse_archive(reader_.get(), what_);
  }
}

archive_entry* SourceReader::next() {
  archive_entry* entry = nullptr;
  const int result = ::archive_read_next_header(reader_.get(), &entry);
  check();
  if (result == ARCHIVE_EOF) {
    return nullptr;
  }
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
    refuse_archive(reader_.get(), what_);
  }
  return entry;
}

void SourceReader::check() {
  if (thrown_) {
    std::rethrow_exception(std::exchange(thrown_, nullptr));
  }
}

la_ssize_t SourceReader::read_callback(archive* reader, void* self, const void** buffer) {
  auto& source = *static_cast<SourceReader*>(self);
  try {
    const std::span<const char> piece = source.source_.read();
    *buffer = piece.data();
    return static_cast<la_ssize_t>(piece.size());
  } catch (...) {
    source.thrown_ = std::current_exception();
    ::archive_set_error(reader, -1, "the layer cannot be read");
    return -1;
  }
}

}  // namespace labctl::images
