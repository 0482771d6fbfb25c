#include "topology/manifest/yaml/text_check.hpp"

#include "topology/base/printable.hpp"
#include "topology/manifest/yaml/source.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

namespace labctl::manifest {
namespace {

// Commas and brackets of flow collections: bounds what yaml-cpp queues (about 250 bytes each).
constexpr size_t kFlowTokensMax = 2'000'000;

Mark mark_at(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const size_t line_start = before.rfind('\n');
  return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<int>(line_start == std::string_view::npos ? offset : offset - line_start - 1) + 1};
}

bool check_characters(int source, std::string_view text, Findings& findings) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool lone_return = byte == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
    if ((byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') || byte == 0x7f || lone_return) {
      char name[8];
      std::snprintf(name, sizeof name, "0x%02x", byte);
      findings.error_at(source, mark_at(text, i),
                        byte == 0 ? std::string("NUL byte in the text")
                                  : "control character " + std::string(name) + " in the text",
                        lone_return
                            ? "end lines with LF or CR LF"
                            : "is this a text file? In double quotes YAML writes such a character as \\xNN");
      return false;
    }
    const size_t length = utf8_length(text.substr(i));
    if (length == 0) {
      findings.error_at(source, mark_at(text, i), "the text is not valid UTF-8", "save the file as UTF-8");
      return false;
    }
    i += length;
  }
  return true;
}

// Walks YAML only so far as to know which brackets open flow collections: brackets in quotes, comments, block
// scalars and plain text do not count. It may misjudge odd layouts, so its limit is far above kDepthMax,
// which the parser's events then keep exactly.
class BracketScan {
 public:
  static constexpr size_t kDepthMaxHere = 1000;

  explicit BracketScan(std::string_view text) : text_(text) {}

  struct Verdict {
    bool too_deep = false;
    bool too_many = false;
    size_t offset = 0;
  };

  Verdict run() {
    while (at_ < text_.size() && !verdict_.too_deep && !verdict_.too_many) {
      if (depth_ == 0) {
        block_line();
      } else {
        flow_character();
      }
    }
    return verdict_;
  }

 private:
  size_t line_end(size_t from) const { return std::min(text_.find('\n', from), text_.size()); }
  char peek(size_t i) const { return i < text_.size() ? text_[i] : '\n'; }
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  void open() {
    count();
    if (++depth_ == static_cast<size_t>(kDepthMax)) {
      deepest_allowed_ = at_;
    }
    if (depth_ > kDepthMaxHere) {
      verdict_ = {true, false, deepest_allowed_};
    }
    ++at_;
    node_start_ = true;
  }

  void count() {
    if (++tokens_ > kFlowTokensMax) {
      verdict_ = {false, true, at_};
    }
  }

  void skip_quoted() { at_ = std::min(end_of_quoted(text_, at_), text_.size()); }

  // From at_, a line in block context, to behind its end or into a flow collection.
  void block_line() {
    const bool fresh = at_ == 0 || text_[at_ - 1] == '\n';
    const size_t start = fresh ? at_ : text_.rfind('\n', at_) + 1;
    if (fresh) {
      while (peek(at_) == ' ') {
        ++at_;
      }
      const int indent = static_cast<int>(at_ - start);
      const bool is_empty = is_blank(peek(at_)) && line_end(at_) == text_.find_first_not_of(" \t\r", at_);
      if (is_empty || (inside_ && indent > parent_column_)) {
        at_ = line_end(at_) + 1;  // blank, or inside a block scalar, or a plain scalar's next line
        return;
      }
      inside_ = false;
      node_start_ = true;
      parent_column_ = -1;
    }
    const size_t end = line_end(at_);
    while (at_ < end && depth_ == 0) {
      block_token(start, end);
    }
    if (depth_ == 0 && at_ >= end) {
      at_ = end + 1;
    }
  }

  void block_token(size_t start, size_t end) {
    const char c = text_[at_];
    if (c == '#' && (at_ == start || is_blank(text_[at_ - 1]))) {
      inside_ = false;
      at_ = end;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (node_start_ && (c == '-' || c == '?' || c == ':') && is_blank(peek(at_ + 1))) {
      parent_column_ = static_cast<int>(at_ - start);
      ++at_;
    } else if (node_start_ && (c == '&' || c == '*' || c == '!')) {
      while (at_ < end && !is_blank(text_[at_])) {
        ++at_;
      }
    } else if (node_start_ && (c == '"' || c == '\'')) {
      key_column_ = static_cast<int>(at_ - start);
      skip_quoted();
      node_start_ = false;
    } else if (node_start_ && (c == '[' || c == '{')) {
      open();
    } else if (node_start_ && (c == '|' || c == '>') && is_block_header(at_ + 1, end)) {
      inside_ = true;
      at_ = end;
    } else if (c == ':' && is_blank(peek(at_ + 1))) {
      parent_column_ = key_column_;
      node_start_ = true;
      inside_ = false;
      ++at_;
    } else {
      if (node_start_) {
        key_column_ = static_cast<int>(at_ - start);
      }
      node_start_ = false;
      inside_ = true;  // should the line end here, deeper lines go on with this scalar
      ++at_;
    }
  }

  // Indentation and chomping indicators, then nothing but a comment.
  bool is_block_header(size_t from, size_t end) const {
    const size_t rest = text_.find_first_not_of("+-0123456789", from);
    const size_t next = rest == std::string_view::npos ? end : text_.find_first_not_of(" \t\r", rest);
    return next >= end || (text_[next] == '#' && next > rest);
  }

  void flow_character() {
    const char c = text_[at_];
    if (c == '[' || c == '{') {
      open();
    } else if (c == ']' || c == '}') {
      count();
      --depth_;
      node_start_ = false;
      ++at_;
    } else if (c == '#' && is_blank(text_[at_ - 1])) {
      at_ = line_end(at_);
    } else if (node_start_ && (c == '"' || c == '\'')) {
      skip_quoted();
      node_start_ = false;
    } else {
      if (c == ',' || c == ':') {
        count();
        node_start_ = true;
      } else if (!is_blank(c)) {
        node_start_ = false;
      }
      ++at_;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t deepest_allowed_ = 0;
  size_t tokens_ = 0;
  bool node_start_ = true;
  bool inside_ = false;  // lines deeper than parent_column_ belong to a scalar
  int parent_column_ = -1;
  int key_column_ = 0;
  Verdict verdict_;
};

bool is_marker(std::string_view line) {
  return line.starts_with("---") &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

bool says_nothing(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#';
}

}  // namespace

size_t end_of_quoted(std::string_view text, size_t at) {
  const char quote = text[at++];
  while (at < text.size()) {
    const char c = text[at++];
    if (c == '\\' && quote == '"') {
      ++at;
    } else if (c == quote && (quote == '"' || at >= text.size() || text[at] != '\'')) {
      return at;
    } else if (c == quote) {
      ++at;  // '' is a quote inside single quotes
    }
  }
  return std::string_view::npos;
}

bool check_text(int source, std::string_view text, Findings& findings) {
  if (text.size() > kSourceSizeMax) {
    findings.error_at(source, {}, "the text is larger than " + std::to_string(kSourceSizeMax >> 20) + " MiB",
                      "split it into several files");
    return false;
  }
  if (!check_characters(source, text, findings)) {
    return false;
  }
  const BracketScan::Verdict verdict = BracketScan(text).run();
  if (verdict.too_deep) {
    findings.error_at(source, mark_at(text, verdict.offset),
                      "brackets nest deeper than " + std::to_string(kDepthMax) + " levels",
                      "close them, or put text that holds brackets in quotes");
    return false;
  }
  if (verdict.too_many) {
    findings.error_at(source, mark_at(text, verdict.offset), "too many values in brackets",
                      "split the text into several files");
    return false;
  }
  return true;
}

std::vector<TextChunk> split_documents(std::string_view text) {
  std::vector<TextChunk> chunks;
  size_t begin = 0;
  int begin_line = 1;
  bool has_content = false;
  bool has_directive = false;  // "%YAML 1.2" belongs to the document after the next marker
  int line_number = 1;
  const auto flush = [&](size_t end) {
    if (has_content) {
      chunks.push_back({text.substr(begin, end - begin), begin_line});
    }
  };
  for (size_t at = 0; at < text.size(); ++line_number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (is_marker(line) && !(has_directive && !has_content)) {
      flush(at);
      begin = at;
      begin_line = line_number;
      has_directive = false;
      has_content = !says_nothing(line.substr(3));
    } else if (is_marker(line)) {
      has_content = true;
    } else if (line.starts_with('%') && !has_content) {
      has_directive = true;
    } else if (!says_nothing(line)) {
      has_content = true;
    }
    at = end + 1;
  }
  if (has_directive) {
    has_content = true;
  }
  flush(text.size());
  return chunks;
}

}  // namespace labctl::manifest
