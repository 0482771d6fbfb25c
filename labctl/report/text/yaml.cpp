#include "labctl/report/text/yaml.hpp"

#include "topology/base/printable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <ostream>
#include <string_view>

namespace labctl::report {
namespace {

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kDigitsAnd_ = "0123456789_";

// Words of the 1.1 and 1.2 schemas; go-yaml quotes the old booleans too.
bool is_reserved_word(std::string_view text) {
  constexpr std::array kWords{"~",   "null", "true", "false", "yes",  "no", "on",
                              "off", "y",    "n",    ".inf",  ".nan", "<<", "="};
  if (text.size() > 6) {
    return false;
  }
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(kWords.begin(), kWords.end(), [&](const char* word) { return low == word; }) ||
         low == "+.inf" || low == "-.inf";
}

bool is_float(std::string_view text) {
  const size_t exponent = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, exponent);
  if (exponent != std::string_view::npos) {
    std::string_view power = text.substr(exponent + 1);
    if (!power.empty() && (power.front() == '+' || power.front() == '-')) {
      power.remove_prefix(1);
    }
    if (!all_of(power, kDigits)) {
      return false;
    }
  }
  const size_t dot = mantissa.find('.');
  const std::string_view whole = mantissa.substr(0, dot);
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view{} : mantissa.substr(dot + 1);
  return (!whole.empty() || !fraction.empty()) && (whole.empty() || all_of(whole, kDigitsAnd_)) &&
         (fraction.empty() || all_of(fraction, kDigitsAnd_));
}

// "1:30" and "12:30:45.5": sexagesimal numbers of YAML 1.1.
bool is_base60(std::string_view text) {
  return text.find(':') != std::string_view::npos && all_of(text, "0123456789_:.") && text.back() != ':';
}

// "2001-01-01" and with a time of day.
bool is_timestamp(std::string_view text) {
  return text.size() >= 8 && all_of(text.substr(0, 4), kDigits) && text[4] == '-' &&
         (text[6] == '-' || text[7] == '-');
}

bool is_number(std::string_view text) {
  if (is_timestamp(text)) {
    return true;
  }
  if (text.front() == '+' || text.front() == '-') {
    text.remove_prefix(1);
  }
  if (text.empty() || (text.front() != '.' && std::isdigit(static_cast<unsigned char>(text.front())) == 0)) {
    return false;
  }
  if (text.size() > 2 && text[0] == '0') {
    const std::string_view digits = text.substr(2);
    switch (text[1]) {
      case 'x':
      case 'X':
        return all_of(digits, "0123456789abcdefABCDEF_");
      case 'o':
      case 'O':
        return all_of(digits, "01234567_");
      case 'b':
      case 'B':
        return all_of(digits, "01_");
      default:
        break;
    }
  }
  return is_float(text) || is_base60(text);
}

// Whether a plain scalar in block context would be read back as this very text, were there no types.
bool plain_shape(std::string_view text) {
  constexpr std::string_view kIndicators = "#,[]{}&*!|>'\"%@`";
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':' ||
      kIndicators.find(text.front()) != std::string_view::npos) {
    return false;
  }
  if ((text.front() == '-' || text.front() == '?' || text.front() == ':') &&
      (text.size() == 1 || text[1] == ' ')) {
    return false;
  }
  return !text.starts_with("---") && !text.starts_with("...") && text.find(": ") == std::string_view::npos &&
         text.find(" #") == std::string_view::npos;
}

// Characters that YAML cannot hold or would take for a line break - control characters, NEL, LS, PS, the BOM
// - and all others that do not show.
bool is_special(std::string_view sequence) { return sequence != "\n" && is_unseen(sequence); }

// Also what a CI system would obey, were it to stand in a line as it is.
bool has_special(std::string_view text) {
  for (size_t at = 0; at != std::string_view::npos;) {
    const size_t end = text.find('\n', at);
    if (find_ci_command(text.substr(at, end == std::string_view::npos ? end : end - at)) !=
        std::string_view::npos) {
      return true;
    }
    at = end == std::string_view::npos ? end : end + 1;
  }
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0 || (is_special(text.substr(0, length)) && text.front() != '\t')) {
      return true;
    }
    text.remove_prefix(length);
  }
  return false;
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) {
      out += "\ufffd";
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, length);
    if (sequence == "\"" || sequence == "\\") {
      out += "\\" + std::string(sequence);
    } else if (sequence == "\n") {
      out += "\\n";
    } else if (sequence == "\t") {
      out += "\\t";
    } else if (sequence == "\r") {
      out += "\\r";
    } else if (is_special(sequence)) {
      std::string hex = escaped(sequence);  // \xNN, \uNNNN, \UNNNNNNNN: YAML 1.2 §5.7; go-yaml's are capitals
      std::transform(hex.begin() + 2, hex.end(), hex.begin() + 2,
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      out += hex;
    } else if (sequence == "[" && out.find("##") != std::string::npos) {
      out += "\\x5B";
    } else {
      out += sequence;
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') {
      out += c;
    }
  }
  return out + "'";
}

// A literal block shows the text as it is; trailing blanks would be invisible
// in it, so those are quoted instead.
bool fits_literal_block(const std::string& text) {
  if (text.find('\n') == std::string::npos || text.find_first_not_of('\n') == std::string::npos ||
      has_special(text)) {
    return false;
  }
  return text.find(" \n") == std::string::npos && text.find("\t\n") == std::string::npos &&
         text.back() != ' ' && text.back() != '\t';
}

void write_literal_block(std::ostream& out, const std::string& text, size_t indent) {
  out << '|';
  if (text.front() == ' ' || text.front() == '\n') {
    out << '2';  // else the reader would take the first line's own spaces for indentation
  }
  const bool ends_in_newline = text.back() == '\n';
  if (!ends_in_newline) {
    out << '-';
  } else if (text.size() > 1 && text[text.size() - 2] == '\n') {
    out << '+';
  }
  out << '\n';
  std::string_view rest(text);
  if (ends_in_newline) {
    rest.remove_suffix(1);
  }
  for (;;) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    if (!line.empty()) {
      out << std::string(indent, ' ') << line;
    }
    out << '\n';
    if (end == std::string_view::npos) {
      return;
    }
    rest.remove_prefix(end + 1);
  }
}

class Writer {
 public:
  explicit Writer(std::ostream& out) : out_(out) {}

  void document(const nlohmann::json& value) {
    if (value.is_structured() && !value.empty()) {
      block(value, 0, false);
    } else {
      scalar(value, 2);
    }
  }

 private:
  // A map or list that is not empty. With `continues`, its first line goes on where "- " ended.
  void block(const nlohmann::json& value, size_t indent, bool continues) {
    bool first = continues;
    if (value.is_object()) {
      for (const auto& [key, item] : value.items()) {
        begin_line(indent, first);
        out_ << (key.find('\n') == std::string::npos ? yaml_scalar(key) : double_quoted(key)) << ':';
        // Lists stay at the key's own column, as kubectl has it.
        member(item, item.is_array() ? indent : indent + 2, indent + 2);
      }
    } else {
      for (const auto& item : value) {
        begin_line(indent, first);
        out_ << "-";
        if (item.is_structured() && !item.empty()) {
          out_ << ' ';
          block(item, indent + 2, true);
        } else {
          out_ << ' ';
          scalar(item, indent + 2);
        }
      }
    }
  }

  void member(const nlohmann::json& item, size_t indent, size_t text_indent) {
    if (item.is_structured() && !item.empty()) {
      out_ << '\n';
      block(item, indent, false);
    } else {
      out_ << ' ';
      scalar(item, text_indent);
    }
  }

  void begin_line(size_t indent, bool& first) {
    if (!first) {
      out_ << std::string(indent, ' ');
    }
    first = false;
  }

  void scalar(const nlohmann::json& value, size_t indent) {
    if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      if (fits_literal_block(text)) {
        write_literal_block(out_, text, indent);
        return;
      }
      out_ << yaml_scalar(text) << '\n';
    } else if (value.is_array()) {
      out_ << "[]\n";
    } else if (value.is_object()) {
      out_ << "{}\n";
    } else {
      out_ << value.dump() << '\n';
    }
  }

  std::ostream& out_;
};

}  // namespace

std::string yaml_scalar(const std::string& text) {
  if (has_special(text) || text.find_first_of("\n\t") != std::string::npos) {
    return double_quoted(text);
  }
  if (text.empty() || is_reserved_word(text) || is_number(text)) {
    return double_quoted(text);
  }
  return plain_shape(text) ? text : single_quoted(text);
}

void write_yaml(std::ostream& out, const nlohmann::json& value) { Writer(out).document(value); }

}  // namespace labctl::report
