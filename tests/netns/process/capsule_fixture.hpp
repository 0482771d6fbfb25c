#pragma once

// Runs the body of a test as pid 1 of a capsule of its own, as the supervisor is: assertions in it are
// printed, and fail the test that called.

#include "topology/kernel/capsule.hpp"
#include "topology/kernel/process.hpp"

#include <functional>
#include <string>

namespace labctl::kernel::testing {

// Root needs real root; the test is skipped without. A body that does not end
// within four minutes is killed, and fails.
void run_in_capsule(IdMapping mapping, const std::function<void()>& body);

struct Finished {
  ExitStatus status;
  std::string out;
  std::string err;
};

// Spawns with pipes for stdout and stderr and waits for the end of the program and of its output.
Finished run_to_end(ProcessOptions options);

// Options with PATH and the words of a shell script.
ProcessOptions shell(const std::string& script);

// A network namespace of its own, with one veth pair's end called `link` in it and no more.
UniqueFd make_pod_namespace(const std::string& link);

// How many descriptors this process has open.
int open_descriptors();

}  // namespace labctl::kernel::testing
