#pragma once

#include "labctl/api/expectation.hpp"

namespace labctl::scenario {

// What one try of a step came to.
using Attempt = api::Verdict;

}  // namespace labctl::scenario
