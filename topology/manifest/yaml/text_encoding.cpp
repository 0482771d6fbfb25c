#include "topology/manifest/yaml/text_encoding.hpp"

#include <array>
#include <cstdint>

namespace labctl::manifest {
namespace {

enum class Encoding { Utf8, Utf16Little, Utf16Big, Utf32Little, Utf32Big };

struct ByteMark {
  std::string_view bytes;
  Encoding encoding;
};

// The longer first: FF FE begins two of them. No text of UTF-16 begins with a zero character.
constexpr std::array<ByteMark, 5> kMarks{{{{"\xff\xfe\0\0", 4}, Encoding::Utf32Little},
                                          {{"\0\0\xfe\xff", 4}, Encoding::Utf32Big},
                                          {{"\xff\xfe", 2}, Encoding::Utf16Little},
                                          {{"\xfe\xff", 2}, Encoding::Utf16Big},
                                          {{"\xef\xbb\xbf", 3}, Encoding::Utf8}}};

const ByteMark* mark_at(std::string_view bytes) {
  for (const ByteMark& mark : kMarks) {
    if (bytes.starts_with(mark.bytes)) {
      return &mark;
    }
  }
  return nullptr;
}

std::uint32_t unit_at(std::string_view bytes, std::size_t size, bool is_little) {
  std::uint32_t unit = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[is_little ? size - 1 - i : i]);
    unit = unit << 8U | byte;
  }
  return unit;
}

void append_utf8(std::uint32_t point, std::string& out) {
  const auto add = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0U | point >> 6U);
    add(0x80U | (point & 0x3fU));
  } else if (point < 0x10000) {
    add(0xe0U | point >> 12U);
    add(0x80U | (point >> 6U & 0x3fU));
    add(0x80U | (point & 0x3fU));
  } else {
    add(0xf0U | point >> 18U);
    add(0x80U | (point >> 12U & 0x3fU));
    add(0x80U | (point >> 6U & 0x3fU));
    add(0x80U | (point & 0x3fU));
  }
}

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  DecodedText run() {
    bool is_line_start = true;
    while (!rest_.empty() && out_.why.empty()) {
      const ByteMark* mark = is_line_start ? mark_at(rest_) : nullptr;
      if (mark != nullptr) {
        encoding_ = mark->encoding;
        rest_.remove_prefix(mark->bytes.size());
        continue;
      }
      if (encoding_ == Encoding::Utf8) {
        take_line();
        is_line_start = true;
      } else {
        take_character();
        is_line_start = out_.text.ends_with('\n');
      }
    }
    return std::move(out_);
  }

 private:
  void take_line() {
    const std::size_t end = rest_.find('\n');
    const std::size_t size = end == std::string_view::npos ? rest_.size() : end + 1;
    out_.text += rest_.substr(0, size);
    rest_.remove_prefix(size);
  }

  void take_character() {
    const bool is_wide = encoding_ == Encoding::Utf32Little || encoding_ == Encoding::Utf32Big;
    const bool is_little = encoding_ == Encoding::Utf16Little || encoding_ == Encoding::Utf32Little;
    const std::size_t size = is_wide ? 4 : 2;
    const char* const name = is_wide ? "UTF-32" : "UTF-16";
    if (rest_.size() < size) {
      out_.why = std::string("the ") + name + " text ends within a character";
      return;
    }
    std::uint32_t point = unit_at(rest_, size, is_little);
    rest_.remove_prefix(size);
    if (!is_wide && point >= 0xd800 && point < 0xdc00 && rest_.size() >= size) {
      const std::uint32_t low = unit_at(rest_, size, is_little);
      if (low >= 0xdc00 && low < 0xe000) {
        rest_.remove_prefix(size);
        point = 0x10000 + ((point - 0xd800) << 10U) + (low - 0xdc00);
      }
    }
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      out_.why = std::string("the ") + name + " text holds what is no character";
      return;
    }
    append_utf8(point, out_.text);
  }

  std::string_view rest_;
  Encoding encoding_ = Encoding::Utf8;
  DecodedText out_;
};

bool has_mark(std::string_view bytes) {
  for (std::size_t at = 0;;) {
    if (mark_at(bytes.substr(at)) != nullptr) {
      return true;
    }
    at = bytes.find('\n', at);
    if (at == std::string_view::npos) {
      return false;
    }
    ++at;
  }
}

}  // namespace

std::optional<DecodedText> decode_marked_text(std::string_view bytes) {
  return has_mark(bytes) ? std::optional(Decoder(bytes).run()) : std::nullopt;
}

}  // namespace labctl::manifest
