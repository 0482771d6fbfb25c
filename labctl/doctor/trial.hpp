#pragma once

// Trying what a lab is made of, by the calls that make labs, in children that end with it.
// See namespaces(7), user_namespaces(7), veth(4).

#include "labctl/doctor/explain.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace labctl::doctor {

struct Trial {
  HostStep step = HostStep::UserNamespace;
  int errno_value = 0;  // 0: done
  std::string detail;   // as explain() takes it
};

// Tries the steps in order and returns those that were tried: a lab cannot go on where a step it stands on
// was refused, so the list may be short. Steps that neither succeed nor fail within `deadline` end with
// ETIMEDOUT. Throws Error when fork(2) or pipe(2) fail.
std::vector<Trial> try_host(std::chrono::milliseconds deadline = std::chrono::seconds(10));

// Only the namespaces, each alone, to name the one that is refused; empty when each alone is allowed.
std::vector<Trial> try_namespaces();

}  // namespace labctl::doctor
