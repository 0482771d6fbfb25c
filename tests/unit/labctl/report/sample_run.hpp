#pragma once

// A test run with one scenario of each kind, and one whose every text is hostile, for tests of the forms that
// runs are written in.

#include "labctl/report/tests/test_results.hpp"

#include <string>

namespace labctl::report {

CheckResult sample_check(const std::string& name, std::chrono::microseconds elapsed = {});

// "endpoints-move" failed at its second of two checks, "no-lab" is broken, "later" skipped.
TestRun sample_run();

// "steady" passed, "shaky" passed on its third try.
TestRun passing_run();

// One scenario, failed; every text holds all bytes but NUL, broken UTF-8, and what ends things in XML, TAP,
// YAML and workflow commands.
TestRun hostile_run();

}  // namespace labctl::report
