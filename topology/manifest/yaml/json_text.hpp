#pragma once

// Where JSON (RFC 8259) is more than YAML has it: objects that follow each other without a mark in between,
// as tools write them a line each, and characters beyond U+FFFF as two escapes (section 7).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::manifest {

// The values of a text that begins with "{", each up to the bracket that closes it, with what is behind it
// in the last one; empty if the text is none of those, or its brackets do not close: YAML then tells what
// is wrong.
std::vector<std::string_view> split_json_values(std::string_view text);

// A text of JSON whose pairs of surrogates, "\ud83d\ude00", are one escape of YAML each, "\U0001f600".
struct PairedJson {
  std::string text;
  // Where in `text` something is shorter than it was, by kShorter bytes each: lines from 0, columns behind
  // it from 0.
  std::vector<std::pair<int, int>> cuts;

  static constexpr int kShorter = 2;
  // By how much a place of `text` stands before where it stood.
  int shift_at(int line, int column) const;
};
PairedJson join_surrogates(std::string_view text);

}  // namespace labctl::manifest
