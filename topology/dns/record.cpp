#include "topology/dns/record.hpp"

#include "topology/base/error.hpp"

#include <algorithm>
#include <cstddef>

namespace labctl::dns {
namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253;  // without the final dot

char in_lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_in_labels(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

}  // namespace

std::string_view to_string(RecordType type) {
  switch (type) {
    case RecordType::A:
      return "A";
    case RecordType::Aaaa:
      return "AAAA";
    case RecordType::Cname:
      return "CNAME";
    case RecordType::Ptr:
      return "PTR";
    case RecordType::Srv:
      return "SRV";
    case RecordType::Txt:
      return "TXT";
  }
  return "";
}

std::string to_text(const Record& record) {
  static const std::string class_and_ttl = " " + std::to_string(kTtl) + " IN ";
  const std::string_view type = to_string(record.type);
  std::string text;
  text.reserve(record.name.size() + class_and_ttl.size() + type.size() + 1 + record.data.size());
  text += record.name;
  text += class_and_ttl;
  text += type;
  text += ' ';
  text += record.data;
  return text;
}

std::optional<std::string> domain_name(std::string_view text) {
  if (text.ends_with('.')) {
    text.remove_suffix(1);
  }
  if (text.empty() || text.size() > kLongestName) {
    return std::nullopt;
  }
  std::string name;
  name.reserve(text.size() + 1);
  std::size_t label = 0;
  for (const char written : text) {
    const char c = in_lower_case(written);
    if (c == '.' ? label == 0 : !is_in_labels(c) || label == kLongestLabel) {
      return std::nullopt;
    }
    label = c == '.' ? 0 : label + 1;
    name += c;
  }
  if (label == 0) {
    return std::nullopt;
  }
  name += '.';
  return name;
}

std::string required_domain_name(std::string_view text) {
  if (auto name = domain_name(text)) {
    return *std::move(name);
  }
  // What is not printable stays out of the message too.
  std::string shown(text.substr(0, kLongestName));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  throw Error(ErrorKind::InvalidInput, "\"" + shown + "\" is no name that DNS can hold",
              "a name has at most 253 characters, each of its labels at most 63");
}

}  // namespace labctl::dns
