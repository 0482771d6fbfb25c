#include "topology/manifest/kinds/dns_record.hpp"

#include "topology/base/ip_address.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace labctl::manifest {
namespace {

constexpr size_t kDnsLabelMax = 63;
constexpr size_t kDnsNameMax = 253;      // without the final dot
constexpr size_t kDnsTextMax = 255;      // of one string of a TXT record (RFC 1035 §3.3)
constexpr size_t kDnsTextsMax = 60'000;  // of all of them, below the 65535 of a record
constexpr std::uint32_t kTtlMax = std::numeric_limits<std::int32_t>::max();  // RFC 2181 §8

bool is_digit_byte(char c) { return c >= '0' && c <= '9'; }
bool is_letter_byte(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_printable(char c) { return c >= ' ' && c <= '~'; }

std::string in_case(std::string_view text, char first, char last) {
  std::string out(text);
  for (char& c : out) {
    c = c >= first && c <= last ? static_cast<char>(c ^ 0x20) : c;
  }
  return out;
}
std::string lower_case(std::string_view text) { return in_case(text, 'A', 'Z'); }
std::string upper_case(std::string_view text) { return in_case(text, 'a', 'z'); }

std::optional<std::uint32_t> number_up_to(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool fits = error == std::errc() && end == text.data() + text.size() && number <= max;
  return fits ? std::optional(number) : std::nullopt;
}

// What a zone file may hold as names: those of hosts (RFC 1123), or also "_http._tcp".
enum class NameRule { Host, Any };

bool is_name_label(std::string_view label, NameRule rule) {
  const auto end = [&](char c) {
    return is_letter_byte(c) || is_digit_byte(c) || (rule == NameRule::Any && (c == '_' || c == '-'));
  };
  return !label.empty() && label.size() <= kDnsLabelMax && end(label.front()) && end(label.back()) &&
         std::all_of(label.begin(), label.end(), [&](char c) { return end(c) || c == '-'; });
}

// Absolute and in lower case; nothing if it is no name. The root is none.
std::optional<std::string> absolute_name(std::string_view text, NameRule rule) {
  if (text.ends_with('.')) {
    text.remove_suffix(1);
  }
  if (text.empty() || text.size() > kDnsNameMax) {
    return std::nullopt;
  }
  for (size_t at = 0; at <= text.size();) {
    const size_t dot = std::min(text.find('.', at), text.size());
    if (!is_name_label(text.substr(at, dot - at), rule)) {
      return std::nullopt;
    }
    at = dot + 1;
  }
  return lower_case(text) + ".";
}

// As absolute_name(); the first label may be "*".
std::optional<std::string> absolute_owner(std::string_view text, NameRule rule) {
  if (!text.starts_with("*.")) {
    return absolute_name(text, rule);
  }
  auto rest = absolute_name(text.substr(2), rule);
  return rest && rest->size() + 1 <= kDnsNameMax ? std::optional("*." + *rest) : std::nullopt;
}

struct RecordWord {
  std::string text;  // without quotes and escapes
  bool is_quoted = false;
};

std::string in_zone_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!is_printable(c)) {
      const std::string digits = std::to_string(byte);
      out += "\\" + std::string(3 - digits.size(), '0') + digits;
    } else {
      out += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
    }
  }
  return out + "\"";
}

// Cuts the text into words; quoted ones may hold anything printable, and \DDD for the rest.
class RecordWords {
 public:
  explicit RecordWords(std::string_view text) : text_(text) {}

  std::optional<Complaint> read(std::vector<RecordWord>& words) {
    const auto odd =
        std::find_if_not(text_.begin(), text_.end(), [](char c) { return is_printable(c) || c == '\t'; });
    if (odd != text_.end()) {
      return Complaint{"a record is one line of printable ASCII, got " + in_quotes(text_),
                       "in a TXT record write other bytes as \\DDD, inside quotes"};
    }
    while (true) {
      at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size());
      if (at_ == text_.size()) {
        return std::nullopt;
      }
      words.emplace_back();
      words.back().is_quoted = text_[at_] == '"';
      auto complaint = words.back().is_quoted ? read_quoted(words.back()) : read_plain(words.back());
      if (complaint) {
        return complaint;
      }
    }
  }

 private:
  std::optional<Complaint> read_plain(RecordWord& word) {
    constexpr std::string_view kSpecial = ";$()@\"\\";
    for (; at_ < text_.size() && !is_blank(text_[at_]); ++at_) {
      if (kSpecial.find(text_[at_]) != std::string_view::npos) {
        return Complaint{
            "the character " + std::string(1, text_[at_]) + " stands outside quotes in " + in_quotes(text_),
            "only texts of TXT records may have it, inside quotes"};
      }
      word.text += text_[at_];
    }
    return std::nullopt;
  }

  std::optional<Complaint> read_quoted(RecordWord& word) {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] != '\\') {
        word.text += text_[at_];
      } else if (!read_escape(word)) {
        return Complaint{"\\ is followed by \", by \\ or by three digits up to 255 in " + in_quotes(text_),
                         {}};
      }
    }
    if (at_ == text_.size()) {
      return Complaint{"a quote is not closed in " + in_quotes(text_), {}};
    }
    ++at_;
    if (at_ < text_.size() && !is_blank(text_[at_])) {
      return Complaint{"after a closing quote comes a blank or the end, in " + in_quotes(text_),
                       "a quote inside quotes is written \\\""};
    }
    return std::nullopt;
  }

  // at_ is on the backslash, and then on the last character of the escape.
  bool read_escape(RecordWord& word) {
    constexpr size_t kDigits = 3;
    const std::string_view rest = text_.substr(at_ + 1);
    if (rest.starts_with('"') || rest.starts_with('\\')) {
      word.text += rest.front();
      ++at_;
      return true;
    }
    const auto byte = rest.size() < kDigits ? std::nullopt : number_up_to(rest.substr(0, kDigits), 255);
    if (byte) {
      word.text += static_cast<char>(*byte);
      at_ += kDigits;
    }
    return byte.has_value();
  }

  std::string_view text_;
  size_t at_ = 0;
};

enum class ValueShape { Ipv4, Ipv6, Name, Host, Texts };

struct RecordRule {
  std::string_view type;
  ValueShape shape;
  size_t numbers = 0;  // 0 to 65535 each, before the value
  NameRule owner = NameRule::Any;
  bool may_be_root = false;  // "." says that there is none
  std::string_view example{};
};

constexpr std::array kRecordRules{
    RecordRule{"A", ValueShape::Ipv4, 0, NameRule::Host, false, "www.example.org. A 198.51.100.80"},
    RecordRule{"AAAA", ValueShape::Ipv6, 0, NameRule::Host, false, "www.example.org. AAAA 2001:db8:51::50"},
    RecordRule{"CNAME", ValueShape::Name, 0, NameRule::Any, false, "a.example.org. CNAME www.example.org."},
    RecordRule{"MX", ValueShape::Host, 1, NameRule::Host, true, "example.org. MX 10 mail.example.org."},
    RecordRule{"NS", ValueShape::Host, 0, NameRule::Any, false, "example.org. NS ns.example.org."},
    RecordRule{"PTR", ValueShape::Host, 0, NameRule::Any, false,
               "80.100.51.198.in-addr.arpa. PTR www.example.org."},
    RecordRule{"SRV", ValueShape::Host, 3, NameRule::Any, true,
               "_http._tcp.example.org. SRV 0 100 80 www.example.org."},
    RecordRule{"TXT", ValueShape::Texts, 0, NameRule::Any, false, "example.org. TXT \"v=spf1 -all\""},
};

// NAME [TTL] [IN] TYPE VALUE; TTL and IN in either order.
class RecordReader {
 public:
  explicit RecordReader(std::string_view text) : text_(text) {}

  std::optional<Complaint> read() {
    if (auto complaint = RecordWords(text_).read(words_)) {
      return complaint;
    }
    auto complaint = read_head();
    if (!complaint) {
      complaint = read_owner();
    }
    if (!complaint) {
      complaint = read_numbers();
    }
    if (!complaint) {
      complaint = rule_->shape == ValueShape::Texts ? read_texts() : read_value();
    }
    return complaint;
  }

  // After read() had no complaint.
  DnsRecord take() {
    std::string text = owner_ + (ttl_.empty() ? "" : " " + ttl_) + " " + std::string(rule_->type);
    for (const std::string& value : values_) {
      text += " " + value;
    }
    return {std::move(owner_), std::string(rule_->type), std::move(text)};
  }

 private:
  std::optional<Complaint> read_head() {
    bool has_class = false;
    for (at_ = 1; at_ < words_.size(); ++at_) {
      const std::string word = upper_case(words_[at_].text);
      if (ttl_.empty() && !word.empty() && std::all_of(word.begin(), word.end(), is_digit_byte)) {
        const auto ttl = number_up_to(word, kTtlMax);
        if (!ttl) {
          return Complaint{"a TTL is 0 to " + std::to_string(kTtlMax) + " seconds, got " + word, {}};
        }
        ttl_ = std::to_string(*ttl);
      } else if (!has_class && word == "IN") {
        has_class = true;
      } else {
        break;
      }
    }
    const bool has_type = at_ < words_.size() && !words_[at_].is_quoted && !words_.front().is_quoted;
    const std::string type = has_type ? upper_case(words_[at_].text) : "";
    const auto rule = std::find_if(kRecordRules.begin(), kRecordRules.end(),
                                   [&](const RecordRule& r) { return r.type == type; });
    if (rule == kRecordRules.end() || at_ + 1 == words_.size()) {
      return Complaint{
          "must be NAME [TTL] [IN] TYPE VALUE, " +
              (text_.empty() ? std::string("got an empty text") : "got " + in_quotes(text_)),
          "as in \"www.example.org. A 198.51.100.80\"; types are A, AAAA, CNAME, MX, NS, PTR, SRV, TXT"};
    }
    rule_ = &*rule;
    ++at_;
    return std::nullopt;
  }

  std::optional<Complaint> read_owner() {
    const std::string& name = words_.front().text;
    const auto owner = absolute_owner(name, rule_->owner);
    if (!owner) {
      return Complaint{in_quotes(name) + " is no name that has " + std::string(rule_->type) + " records",
                       rule_->owner == NameRule::Host
                           ? "use letters, digits and \"-\", at most 63 between dots and 253 in all"
                           : "use letters, digits, \"-\" and \"_\", at most 63 between dots and 253 in all"};
    }
    if (rule_->type == "NS" && owner->starts_with("*")) {
      return Complaint{"a name with * has no NS records", {}};
    }
    owner_ = *owner;
    return std::nullopt;
  }

  std::optional<Complaint> read_numbers() {
    constexpr std::uint32_t kNumberMax = 65535;
    for (size_t i = 0; i < rule_->numbers; ++i, ++at_) {
      const auto number = at_ < words_.size() && !words_[at_].is_quoted
                              ? number_up_to(words_[at_].text, kNumberMax)
                              : std::nullopt;
      if (!number) {
        return wrong_value();
      }
      values_.push_back(std::to_string(*number));
    }
    return std::nullopt;
  }

  std::optional<Complaint> read_value() {
    if (at_ + 1 != words_.size() || words_[at_].is_quoted) {
      return wrong_value();
    }
    const std::string& word = words_[at_].text;
    if (rule_->shape == ValueShape::Ipv4 || rule_->shape == ValueShape::Ipv6) {
      const Family family = rule_->shape == ValueShape::Ipv4 ? Family::IPv4 : Family::IPv6;
      const auto address = IpAddress::parse(word);
      if (!address || address->family() != family) {
        return Complaint{"the value of an " + std::string(rule_->type) + " record is an " +
                             std::string(to_string(family)) + " address, got " + in_quotes(word),
                         {}};
      }
      values_.push_back(to_string(*address));
      return std::nullopt;
    }
    const auto name =
        word == "." && rule_->may_be_root
            ? std::optional(word)
            : absolute_name(word, rule_->shape == ValueShape::Host ? NameRule::Host : NameRule::Any);
    if (!name) {
      return Complaint{"the value of " + article() + " record ends with a name, got " + in_quotes(word),
                       "as in \"" + std::string(rule_->example) + "\""};
    }
    values_.push_back(*name);
    return std::nullopt;
  }

  std::optional<Complaint> read_texts() {
    size_t total = 0;
    for (; at_ < words_.size(); ++at_) {
      const std::string& text = words_[at_].text;
      total += text.size() + 1;
      if (text.size() > kDnsTextMax) {
        return Complaint{
            "a string of a TXT record has at most 255 characters, got " + std::to_string(text.size()),
            "cut it into several: \"...\" \"...\""};
      }
      values_.push_back(in_zone_quotes(text));
    }
    if (total > kDnsTextsMax) {
      return Complaint{"a TXT record has at most " + std::to_string(kDnsTextsMax) + " characters, got " +
                           std::to_string(total),
                       {}};
    }
    return std::nullopt;
  }

  std::string article() const {
    const bool vowel = std::string_view("MNSA").find(rule_->type.front()) != std::string_view::npos;
    return (vowel ? "an " : "a ") + std::string(rule_->type);
  }

  Complaint wrong_value() const {
    const std::string numbers = rule_->numbers == 0   ? "one value"
                                : rule_->numbers == 1 ? "a number from 0 to 65535 and a name"
                                                      : "three numbers from 0 to 65535 and a name";
    return {article() + " record has " + numbers + ", got " + in_quotes(text_),
            "as in \"" + std::string(rule_->example) + "\""};
  }

  std::string_view text_;
  std::vector<RecordWord> words_;
  size_t at_ = 0;  // the next word
  const RecordRule* rule_ = nullptr;
  std::string owner_, ttl_;
  std::vector<std::string> values_;
};

}  // namespace

std::optional<Complaint> check_dns_record(std::string_view text) { return RecordReader(text).read(); }

DnsRecord read_dns_record(std::string_view text) {
  RecordReader reader(text);
  reader.read();
  return reader.take();
}

}  // namespace labctl::manifest
