#pragma once

// What a scenario says it cannot do without (spec.needs), held against this host.

#include "labctl/scenario/discovery.hpp"

#include <map>
#include <string>

namespace labctl::scenario {

// Remembers what was tried. Threads: the process has one, since trying forks.
class HostFeatures {
 public:
  // The first need that is not met and why, one line; empty when all are.
  std::string unmet(const Scenario& scenario);

 private:
  // Why the host has it not; empty: it has.
  std::string lack_of(const std::string& need);

  std::map<std::string, std::string> tried_;
};

}  // namespace labctl::scenario
