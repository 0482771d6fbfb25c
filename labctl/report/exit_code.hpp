#pragma once

// What the program's exit code says: one table, stable across versions, the same in every command, in a run
// of scenarios and in the tests. `exec` is the exception: it ends with the code of the process it ran.

#include "topology/base/error.hpp"

namespace labctl::report {

enum ExitCode : int {
  kPassed = 0,
  kAssertionFailed = 1,  // a probe, a matrix or a test was not as expected; a lab is up, its pods are not
  kUsage = 2,            // flags, names that are not there, input files
  kHost = 3,             // this host cannot run labs: `labctl doctor`
  kNothingMatched = 4,   // a filter left nothing to do, or everything was skipped
  kNotBuilt = 5,         // the lab could not be built, or could not do what was asked
  kLeftBehind = 6,       // passed, but something of a lab is still there
  kFlaky = 7,            // with --fail-on-flaky: passed on a retry
  kNotWritten = 8,       // done, but its results could not be written: to stdout, or to a report
  kTimedOut = 124,       // as timeout(1)
  // After a clean teardown; while `up` waits for the pods of a lab that is up, that one stays.
  kInterrupted = 130,  // SIGINT
  kTerminated = 143,   // SIGTERM
};

// For an error that ends the command.
int exit_code(ErrorKind kind);

}  // namespace labctl::report
