#include "topology/manifest/yaml/yaml_tree.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 9> kTrue{"true", "True", "TRUE", "yes", "Yes",
                                                "YES",  "on",   "On",   "ON"};
constexpr std::array<std::string_view, 9> kFalse{"false", "False", "FALSE", "no", "No",
                                                 "NO",    "off",   "Off",   "OFF"};
// Up to here looking through is quicker than an index.
constexpr std::size_t kFewEntries = 16;

constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};

template <typename List>
bool is_in(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Go's strconv.ParseInt with base 0: a sign, 0x, 0o, 0b or a leading 0 for octal, underscores between digits.
bool parse_integer(std::string_view text, std::int64_t& out) {
  std::string digits;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') {
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  if (text.empty() || text.front() == '_' || text.back() == '_') {
    return false;
  }
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) { return c != '_'; });
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  const std::uint64_t max = std::uint64_t(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  if (error != std::errc() || end != digits.data() + digits.size() || magnitude > max) {
    return false;
  }
  out = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

bool parse_float(std::string_view text, double& out) {
  if (text.front() == '+') {
    text.remove_prefix(1);
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  // from_chars would take "inf" and "nan", which in YAML are strings.
  if (!std::any_of(text.begin(), text.end(), is_digit) ||
      text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) {
    return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

const YamlEntry* YamlNode::entry(std::string_view key) const {
  if (by_key.empty()) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const YamlEntry& one) { return one.key == key; });
    return found == entries.end() ? nullptr : &*found;
  }
  const auto found =
      std::lower_bound(by_key.begin(), by_key.end(), key,
                       [&](std::uint32_t i, std::string_view wanted) { return entries[i].key < wanted; });
  return found == by_key.end() || entries[*found].key != key ? nullptr : &entries[*found];
}

const YamlNode* YamlNode::find(std::string_view key) const {
  const YamlEntry* found = entry(key);
  return found == nullptr || found->value->is_null() ? nullptr : found->value;
}

void YamlNode::index_entries() {
  if (entries.size() <= kFewEntries) {
    return;
  }
  by_key.resize(entries.size());
  std::iota(by_key.begin(), by_key.end(), 0U);
  std::sort(by_key.begin(), by_key.end(),
            [&](std::uint32_t a, std::uint32_t b) { return entries[a].key < entries[b].key; });
}

void resolve_plain_scalar(YamlNode& node) {
  const std::string_view text = node.text;
  node.kind = YamlNode::Kind::String;
  if (is_in(kNull, text)) {
    node.kind = YamlNode::Kind::Null;
    return;
  }
  const char first = text.front();
  if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.') {
    if (parse_integer(text, node.integer)) {
      node.kind = YamlNode::Kind::Integer;
      node.number = static_cast<double>(node.integer);
    } else if (parse_float(text, node.number)) {
      node.kind = YamlNode::Kind::Float;
    }
    return;
  }
  if (is_in(kTrue, text) || is_in(kFalse, text)) {
    node.kind = YamlNode::Kind::Boolean;
    node.truth = is_in(kTrue, text);
  }
}

}  // namespace labctl::manifest
