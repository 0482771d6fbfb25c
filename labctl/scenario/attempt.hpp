#pragma once

// What one try of a step came to: whether it was as expected, why not, and what it showed.

#include "labctl/api/expectation.hpp"

namespace labctl::scenario {

using Attempt = api::Verdict;

}  // namespace labctl::scenario
