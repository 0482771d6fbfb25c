#pragma once

// A set of whole numbers as Jobs write the indexes that are done: "0,2-4,7" (batch/v1 JobStatus.completedIndexes).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace labctl::model {

class IndexSet {
 public:
  IndexSet() = default;
  // Numbers and ranges in rising order, with commas; "" is none. Nothing for other text.
  static std::optional<IndexSet> parse(std::string_view text);

  // Whether it is new. Takes numbers of 0 and more.
  bool add(std::int64_t index);
  bool contains(std::int64_t index) const;
  // How many there are.
  std::int64_t size() const;
  bool empty() const { return ranges_.empty(); }
  // Those that are smaller than `end`.
  IndexSet below(std::int64_t end) const;
  // How many of `other` are in this one too.
  std::int64_t count_of(const IndexSet& other) const;
  // As parse() reads it: two that follow each other are "3,4", more are "3-5".
  std::string text() const;

  bool operator==(const IndexSet&) const = default;

 private:
  std::map<std::int64_t, std::int64_t> ranges_;  // first to last; none touches the next
};

}  // namespace labctl::model
