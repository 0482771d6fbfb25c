#include "topology/model/index_set.hpp"

#include <algorithm>
#include <charconv>

namespace labctl::model {
namespace {

// A number in front of `text`, which loses it.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int32_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || number < 0) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<IndexSet> IndexSet::parse(std::string_view text) {
  IndexSet set;
  std::int64_t least = 0;
  while (!text.empty()) {
    const auto first = take_number(text);
    auto last = first;
    if (first && text.starts_with('-')) {
      text.remove_prefix(1);
      last = take_number(text);
    }
    if (!first || !last || *first < least || *last < *first) {
      return std::nullopt;
    }
    least = *last + 1;
    const auto before = set.ranges_.empty() ? set.ranges_.end() : std::prev(set.ranges_.end());
    if (before != set.ranges_.end() && before->second + 1 == *first) {
      before->second = *last;
    } else {
      set.ranges_.emplace(*first, *last);
    }
    if (text.starts_with(',') && text.size() > 1) {
      text.remove_prefix(1);
    } else if (!text.empty()) {
      return std::nullopt;
    }
  }
  return set;
}

bool IndexSet::add(std::int64_t index) {
  if (contains(index)) {
    return false;
  }
  auto after = ranges_.upper_bound(index);
  std::int64_t last = index;
  if (after != ranges_.end() && after->first == index + 1) {
    last = after->second;
    after = ranges_.erase(after);
  }
  if (after != ranges_.begin() && std::prev(after)->second + 1 == index) {
    std::prev(after)->second = last;
  } else {
    ranges_.emplace(index, last);
  }
  return true;
}

bool IndexSet::contains(std::int64_t index) const {
  const auto after = ranges_.upper_bound(index);
  return after != ranges_.begin() && std::prev(after)->second >= index;
}

std::int64_t IndexSet::size() const {
  std::int64_t size = 0;
  for (const auto& [first, last] : ranges_) {
    size += last - first + 1;
  }
  return size;
}

IndexSet IndexSet::below(std::int64_t end) const {
  IndexSet some;
  for (const auto& [first, last] : ranges_) {
    if (first < end) {
      some.ranges_.emplace(first, std::min(last, end - 1));
    }
  }
  return some;
}

std::int64_t IndexSet::count_of(const IndexSet& other) const {
  std::int64_t count = 0;
  for (const auto& [first, last] : ranges_) {
    for (const auto& [its_first, its_last] : other.ranges_) {
      count += std::max<std::int64_t>(0, std::min(last, its_last) - std::max(first, its_first) + 1);
    }
  }
  return count;
}

std::string IndexSet::text() const {
  std::string text;
  for (const auto& [first, last] : ranges_) {
    text += (text.empty() ? "" : ",") + std::to_string(first);
    if (last > first) {
      text += (last == first + 1 ? "," : "-") + std::to_string(last);
    }
  }
  return text;
}

}  // namespace labctl::model
