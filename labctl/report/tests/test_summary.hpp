#pragma once

// The end of a test run, for people: what failed and why within the first screen, the totals last.

#include "labctl/report/tests/test_results.hpp"
#include "labctl/report/text/palette.hpp"

#include <iosfwd>

namespace labctl::report {

// At most kSummaryLinesMost lines a section; how many more there are is said. Failures and flaky scenarios
// are left out if there was but one scenario: it has been on the screen just before.
inline constexpr size_t kSummaryLinesMost = 20;
void write_summary(std::ostream& out, const Palette& palette, const TestRun& run);

}  // namespace labctl::report
