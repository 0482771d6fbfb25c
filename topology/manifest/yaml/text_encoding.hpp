#pragma once

// What a text is written in, by the marks that editors and shells put at its beginning (Unicode 3.10, D94
// to D100): UTF-8 without or with a mark, UTF-16 or UTF-32 with one. Files that were joined have marks in
// their middle, each at the beginning of a line; what follows is read as that mark says.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::manifest {

struct DecodedText {
  std::string text;  // UTF-8 without marks
  std::string why;   // it cannot be decoded: "the UTF-16 text ends within a character"; else empty
};

// Nothing: the text is to be read as it is. At most three bytes come of each of its bytes.
std::optional<DecodedText> decode_marked_text(std::string_view bytes);

}  // namespace labctl::manifest
