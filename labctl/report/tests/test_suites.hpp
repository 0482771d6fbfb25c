#pragma once

// A test run in the shape that CI formats share: suites of cases, with names that are unique and the same in
// every run, so that a history of them can be kept.

#include "labctl/report/tests/test_results.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace labctl::report {

struct TestCase {
  CheckResult check;
  std::string flaky;  // it passed at last; why the try before did not
};

// A scenario. Names are on one line, of well-formed UTF-8 and not empty; the second "a" is "a (2)".
struct TestSuite {
  ScenarioResult scenario;      // `name` is the unique one; of its checks only `cases` counts
  std::vector<TestCase> cases;  // never empty
};

// One a scenario, in order. What befell a scenario as a whole (it was skipped, could not be built, passed
// only when tried again) is a case of its own, called "scenario". What befell the run as a whole (residue, a
// signal) is a suite of its own at the end, called "labctl".
std::vector<TestSuite> test_suites(const TestRun& run);

// "1 check", "2 checks".
std::string counted(size_t n, std::string_view noun);

}  // namespace labctl::report
