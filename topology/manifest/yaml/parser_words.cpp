#include "topology/manifest/yaml/parser_words.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace labctl::manifest {
namespace {

// yaml-cpp speaks of its own tokens; users see their text.
struct Wording {
  std::string_view theirs;
  const char* ours;
  const char* hint;
};
constexpr std::array kWordings{
    Wording{"end of map not found", "this line does not fit the mapping it stands in",
            "keys of one mapping begin in the same column and end with \":\""},
    Wording{"end of sequence not found", "this line does not fit the list it stands in",
            "items of one list begin with \"- \" in the same column"},
    Wording{"end of map flow not found", "a \"{\" is not closed, or a \",\" is missing here",
            "write {key: value, key: value}"},
    Wording{"end of sequence flow not found", "a \"[\" is not closed, or a \",\" is missing here",
            "write [value, value]"},
    Wording{
        "illegal map value", "a \":\" where no value can begin",
        "put text that holds \": \" in quotes; else look for a missing \":\" or a wrong indentation in the "
        "line above"},
    Wording{"illegal map key", "a key where none can begin", "check the indentation of this line"},
    Wording{"illegal block entry", "a \"- \" where no list item can begin",
            "begin the list on a line of its own, below its key"},
    Wording{"illegal tab when looking for indentation", "a tab in the indentation",
            "YAML is indented with spaces only"},
    Wording{"illegal EOF in scalar", "a quoted text is not closed before the document ends",
            "close it with the quote it began with"},
    Wording{"illegal document indicator in scalar", "a quoted text is not closed before the document ends",
            "close it with the quote it began with"},
    Wording{"illegal flow end", "a closing bracket that nothing opened", "remove it, or quote the text"},
    Wording{"unknown token", "a character that cannot begin a value",
            "put text that begins with one of @ ` % , ] } in quotes"},
    Wording{"the referenced anchor is not defined", "an alias (*name) without an anchor (&name) before it",
            "define the anchor first, in the same document; put text that begins with * in quotes"},
    Wording{"cannot assign multiple anchors to the same node", "two anchors (&name) on one value",
            "keep one of them"},
    Wording{"cannot assign multiple tags to the same node", "two tags (!name) on one value",
            "keep one of them"},
    Wording{"unknown escape character: ", "an unknown escape in a double-quoted text",
            "write \\\\ for a backslash, or use single quotes"},
    Wording{"bad character found while scanning hex number",
            "a \\x, \\u or \\U escape without its hex digits",
            "write 2, 4 or 8 hex digits, or use single quotes"},
    Wording{"invalid unicode: ", "an escape that is no Unicode character",
            "write characters beyond U+FFFF themselves, or as \\U and 8 hex digits; JSON has them as two "
            "escapes"},
    Wording{"cannot set zero indentation for a block scalar", "a block scalar cannot have indentation 0",
            "write 1 to 9 after | or >, or nothing"},
    Wording{"unexpected character in block scalar", "unexpected text behind | or >",
            "begin the text on the next line"},
    Wording{"bad file", "values nest too deep", "put text that holds brackets in quotes"},
};

std::string_view line_of(std::string_view text, int number) {
  for (; number > 0 && !text.empty(); --number) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return text.substr(0, text.find('\n'));
}

}  // namespace

Refusal translated(const std::string& words, Mark mark) {
  for (const Wording& wording : kWordings) {
    if (std::string_view(words).starts_with(wording.theirs)) {
      return {mark, wording.ours, wording.hint};
    }
  }
  return {mark, words.empty() ? "this is no YAML" : "this is no YAML: " + words, {}};
}

std::optional<Refusal> tab_in_indentation(const TextChunk& chunk, Mark mark) {
  const std::string_view line = line_of(chunk.text, mark.line - chunk.first_line);
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos || line.find_first_not_of(" \t") < tab) {
    return std::nullopt;
  }
  return Refusal{{mark.line, static_cast<int>(tab) + 1},
                 "a tab in the indentation",
                 "YAML is indented with spaces only"};
}

}  // namespace labctl::manifest
