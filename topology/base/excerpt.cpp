#include "topology/base/excerpt.hpp"

#include <algorithm>
#include <vector>

namespace labctl {
namespace {

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Where a character begins, at `at` or a little before; what is no UTF-8 is cut anywhere.
std::size_t boundary_before(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  for (int i = 0; i < 3 && begin > 0 && begin < text.size() && continues_a_character(text[begin]); ++i) {
    --begin;
  }
  return begin < text.size() && continues_a_character(text[begin]) ? at : begin;
}

std::size_t boundary_after(std::string_view text, std::size_t at) {
  if (boundary_before(text, at) == at) {
    return at;
  }
  while (at < text.size() && continues_a_character(text[at])) {
    ++at;
  }
  return at;
}

}  // namespace

std::string with_commas(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string excerpt(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) {
    return std::string(text);
  }
  const std::size_t head = boundary_before(text, bytes - bytes / 2);
  const std::size_t tail = boundary_after(text, text.size() - bytes / 2);
  return std::string(text.substr(0, head)) + " ... (" + with_commas(tail - head) + " bytes) ... " +
         std::string(text.substr(tail));
}

std::string excerpt_of_lines(std::string_view text, std::size_t lines, std::size_t bytes) {
  std::vector<std::string_view> all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    all.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  const std::size_t head = all.size() <= lines ? all.size() : lines - lines / 2;
  const std::size_t tail = all.size() <= lines ? all.size() : all.size() - lines / 2;
  std::string shown;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == head && i < tail) {
      shown += "... (" + with_commas(tail - head) + " lines) ...\n";
      i = tail;
    }
    if (i < all.size()) {
      shown += excerpt(all[i], bytes) + "\n";
    }
  }
  if (!shown.empty() && !text.ends_with('\n')) {
    shown.pop_back();
  }
  return shown;
}

}  // namespace labctl
