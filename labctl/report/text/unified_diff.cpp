#include "labctl/report/text/unified_diff.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace labctl::report {
namespace {

using Lines = std::vector<std::string_view>;

constexpr std::size_t kAround = 3;
// Of the table of common subsequences: past that the middle is told as one change.
constexpr std::size_t kCellsMax = 4'000'000;

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

// A line that stays (' '), goes ('-') or comes ('+'). In the order of the output.
struct Edit {
  char what;
  std::string_view line;
};

// By the longest common subsequence of the part where the texts differ.
void add_middle(const Lines& a, const Lines& b, std::vector<Edit>& out) {
  if (a.size() * b.size() > kCellsMax || a.empty() || b.empty()) {
    for (const std::string_view line : a) {
      out.push_back({'-', line});
    }
    for (const std::string_view line : b) {
      out.push_back({'+', line});
    }
    return;
  }
  const std::size_t width = b.size() + 1;
  std::vector<std::uint32_t> common((a.size() + 1) * width);
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i * width + j] = a[i] == b[j] ? common[(i + 1) * width + j + 1] + 1
                                           : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      out.push_back({' ', a[i++]});
      ++j;
    } else if (j == b.size() || (i < a.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      out.push_back({'-', a[i++]});
    } else {
      out.push_back({'+', b[j++]});
    }
  }
}

std::vector<Edit> edits_of(const Lines& a, const Lines& b) {
  std::size_t head = 0, tail = 0;
  const std::size_t shorter = std::min(a.size(), b.size());
  while (head < shorter && a[head] == b[head]) {
    ++head;
  }
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < head; ++i) {
    edits.push_back({' ', a[i]});
  }
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<std::ptrdiff_t>(head),
                 lines.end() - static_cast<std::ptrdiff_t>(tail));
  };
  add_middle(middle(a), middle(b), edits);
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) {
    edits.push_back({' ', a[i]});
  }
  return edits;
}

// "12,7", "12" for one line, "11,0" for none behind line 11.
std::string range_text(std::size_t first, std::size_t count) {
  return std::to_string(count == 0 ? first : first + 1) + (count == 1 ? "" : "," + std::to_string(count));
}

}  // namespace

std::string unified_diff(const DiffSide& before, const DiffSide& after) {
  const std::vector<Edit> edits = edits_of(lines_of(before.text), lines_of(after.text));
  const auto next_change = [&](std::size_t from) {
    while (from < edits.size() && edits[from].what == ' ') {
      ++from;
    }
    return from;
  };
  std::string out;
  std::size_t old_line = 0, new_line = 0, at = 0;  // what stands in front of edits[at]
  for (std::size_t change = next_change(0); change < edits.size(); change = next_change(at)) {
    const std::size_t begin = change - std::min(change - at, kAround);
    std::size_t end = change;  // behind the last change of the hunk, with what is around it
    for (std::size_t next = change; next < edits.size() && next <= end + 2 * kAround;
         next = next_change(end)) {
      end = next + 1;
    }
    end = std::min(edits.size(), end + kAround);
    old_line += begin - at;
    new_line += begin - at;
    std::string hunk;
    std::size_t old_count = 0, new_count = 0;
    for (std::size_t i = begin; i < end; ++i) {
      hunk += edits[i].what;
      hunk += std::string(edits[i].line) + "\n";
      old_count += edits[i].what == '+' ? 0 : 1;
      new_count += edits[i].what == '-' ? 0 : 1;
    }
    out += (out.empty() ? "--- " + before.name + "\n+++ " + after.name + "\n" : "") + "@@ -" +
           range_text(old_line, old_count) + " +" + range_text(new_line, new_count) + " @@\n" + hunk;
    old_line += old_count;
    new_line += new_count;
    at = end;
  }
  return out;
}

}  // namespace labctl::report
