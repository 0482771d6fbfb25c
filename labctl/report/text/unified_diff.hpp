#pragma once

// Two texts as the difference that `diff -u` prints of them (POSIX diff, "Diff -u Output Format"): what patch(1),
// reviewers and colour pagers read.

#include <string>
#include <string_view>
#include <vector>

namespace labctl::report {

struct DiffSide {
  std::string name;       // behind "--- " and "+++ "
  std::string_view text;  // lines; the last may lack its end
};

// Empty when the texts are the same; else with the heading of both names and three lines around each change.
// Of two texts that have little in common and are long, one change is told instead of many.
std::string unified_diff(const DiffSide& before, const DiffSide& after);

}  // namespace labctl::report
