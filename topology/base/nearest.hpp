#pragma once

// "Did you mean": the word of a list that a mistyped word was likely to be.

#include <span>
#include <string>
#include <string_view>

namespace labctl {

// The word at the smallest edit distance (Damerau-Levenshtein, adjacent swaps count once), or that begins
// with `word`. Empty when the nearest is further than a third of the word's length, rounded.
std::string nearest(std::string_view word, std::span<const std::string_view> words);

}  // namespace labctl
