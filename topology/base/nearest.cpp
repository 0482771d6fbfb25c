#include "topology/base/nearest.hpp"

#include <algorithm>
#include <vector>

namespace labctl {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string_view> words) {
  // Longer words are no typing mistake, and the table below grows with the product of the lengths.
  constexpr size_t kLongest = 64;
  if (word.empty() || word.size() > kLongest) {
    return {};
  }
  std::string_view best;
  size_t best_distance = (word.size() + 1) / 3 + 1;
  for (const std::string_view candidate : words) {
    const bool begins = word.size() >= 3 && candidate.substr(0, word.size()) == word;
    const size_t distance = begins ? 1 : edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return std::string(best);
}

}  // namespace labctl
