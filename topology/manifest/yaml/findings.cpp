#include "topology/manifest/yaml/findings.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace labctl::manifest {
namespace {

// Nobody reads more, and hostile input must not make a list longer than itself.
constexpr size_t kFindingsMax = 1000;
constexpr size_t kQuotedMax = 64;
// Longer words are not typos of ours; keeps the distance cheap.
constexpr size_t kWordMax = 64;

bool is_word(std::string_view key) {
  return !key.empty() && key.size() <= kQuotedMax && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// Digits count more: node-1 is no misspelt node-2.
size_t weight(char c) { return c >= '0' && c <= '9' ? 3 : 1; }

using Row = std::array<size_t, kWordMax + 1>;

// Optimal string alignment: insert, delete, replace, swap of neighbours. Of two words of at most kWordMax.
size_t distance(std::string_view a, std::string_view b) {
  Row above_last{};
  Row last{};
  Row row{};
  for (size_t j = 1; j <= b.size(); ++j) {
    row[j] = row[j - 1] + weight(b[j - 1]);
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    above_last = last;
    last = row;
    row[0] = last[0] + weight(a[i - 1]);
    for (size_t j = 1; j <= b.size(); ++j) {
      const char x = a[i - 1];
      const char y = b[j - 1];
      const size_t replaced = last[j - 1] + (x == y ? 0 : std::max(weight(x), weight(y)));
      row[j] = std::min({last[j] + weight(x), row[j - 1] + weight(y), replaced});
      if (i > 1 && j > 1 && x == b[j - 2] && a[i - 2] == y) {
        row[j] = std::min(row[j], above_last[j - 2] + std::max(weight(x), weight(y)));
      }
    }
  }
  return row[b.size()];
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

Place Place::field(std::string_view name) const& {
  if (const YamlEntry* entry = node == nullptr ? nullptr : node->entry(name)) {
    return member(*entry);
  }
  return {nullptr, mark, key_mark, source, this, name, -1};
}

Place Place::member(const YamlEntry& entry) const& {
  return {entry.value->is_null() ? nullptr : entry.value,
          entry.value->mark,
          entry.mark,
          source,
          this,
          entry.key,
          -1};
}

Place Place::item(size_t i) const& {
  const YamlNode* value = node->items[i];
  return {
      value->is_null() ? nullptr : value, value->mark, value->mark, source, this, {}, static_cast<int>(i)};
}

std::string_view Place::text() const {
  return node != nullptr && node->is_string() ? std::string_view(node->text) : std::string_view();
}

std::string Place::path() const {
  if (parent == nullptr) {
    return {};
  }
  std::string out = parent->path();
  if (index >= 0) {
    return out + "[" + std::to_string(index) + "]";
  }
  if (!is_word(key)) {
    return out + "[" + in_quotes(key) + "]";
  }
  return (out.empty() ? "" : out + ".") + std::string(key);
}

void Findings::add(Severity severity, int source, Mark mark, std::string path, std::string message,
                   std::string hint) {
  // The first error is kept whatever came before it.
  const bool is_first_error = severity == Severity::Error && !has_kept_error_;
  if (entries_.size() >= kFindingsMax && !is_first_error) {
    ++dropped_;
    return;
  }
  has_kept_error_ |= is_first_error;
  entries_.push_back(
      {source,
       mark,
       {severity, position(source, mark), std::move(path), std::move(message), std::move(hint)}});
}

void Findings::error(const Place& place, std::string message, std::string hint) {
  ++errors_;
  add(Severity::Error, place.source, place.mark, place.path(), std::move(message), std::move(hint));
}

void Findings::warning(const Place& place, std::string message, std::string hint) {
  add(Severity::Warning, place.source, place.mark, place.path(), std::move(message), std::move(hint));
}

void Findings::error_at(int source, Mark mark, std::string message, std::string hint) {
  ++errors_;
  add(Severity::Error, source, mark, {}, std::move(message), std::move(hint));
}

void Findings::repeated(const Place& place, Repeated finding) {
  const auto known = repeated_.find(finding.kind);
  if (known != repeated_.end()) {
    Diagnostic& first = entries_[known->second].diagnostic;
    ++first.times;
    if (more_places_ < kFindingsMax) {
      ++more_places_;
      first.also.push_back(position(place.source, finding.at_key ? place.key_mark : place.mark));
    }
    return;
  }
  const size_t before = entries_.size();
  add(strict_ && finding.strict_error ? Severity::Error : Severity::Warning, place.source,
      finding.at_key ? place.key_mark : place.mark, place.path(), std::move(finding.message),
      std::move(finding.hint));
  if (entries_.size() > before) {
    entries_.back().diagnostic.topic = finding.topic;
    entries_.back().diagnostic.subject = std::move(finding.subject);
    repeated_.emplace(std::move(finding.kind), before);
  }
}

bool Findings::has_room() const { return entries_.size() < kFindingsMax || !has_kept_error_; }

SourcePosition Findings::position(const Place& place) const { return position(place.source, place.mark); }

SourcePosition Findings::position(int source, Mark mark) const {
  return {names_[static_cast<size_t>(source)], mark.line, mark.column};
}

std::vector<Diagnostic> Findings::take() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.source, a.mark) < std::tie(b.source, b.mark);
  });
  std::vector<Diagnostic> out;
  out.reserve(entries_.size() + 1);
  for (Entry& entry : entries_) {
    out.push_back(std::move(entry.diagnostic));
  }
  if (dropped_ > 0) {
    Diagnostic rest{out.back().severity, out.back().where, {}, {}, {}};
    rest.message = "too many findings: " + std::to_string(dropped_) + " more are not listed";
    rest.hint = "mend these first";
    out.push_back(std::move(rest));
  }
  entries_.clear();
  repeated_.clear();
  return out;
}

std::string in_quotes(std::string_view text) {
  const bool cut = text.size() > kQuotedMax;
  size_t length = cut ? kQuotedMax - 3 : text.size();
  // Never in the middle of a UTF-8 sequence.
  while (cut && length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) {
    --length;
  }
  std::string out = "\"";
  for (const char c : text.substr(0, length)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + (cut ? "...\"" : "\"");
}

std::string either(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    out += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  }
  return out;
}

std::string some_of(const std::vector<std::string_view>& names) {
  constexpr size_t kShown = 5;
  std::string out;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    out += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  return out + (names.size() > kShown ? " and " + std::to_string(names.size() - kShown) + " more" : "");
}

std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.empty() || word.size() > kWordMax) {
    return {};
  }
  const std::string wanted = lower(word);
  size_t best = std::max<size_t>(1, std::min<size_t>(3, word.size() / 3)) + 1;
  std::string_view found;
  for (const std::string_view candidate : candidates) {
    // Each letter that one has more than the other is apart by itself.
    const size_t longer = std::max(candidate.size(), word.size()) - std::min(candidate.size(), word.size());
    if (longer >= best || candidate.size() > kWordMax) {
      continue;
    }
    const size_t apart = distance(wanted, lower(candidate));
    if (apart < best) {
      best = apart;
      found = candidate;
    }
  }
  return std::string(found);
}

}  // namespace labctl::manifest
