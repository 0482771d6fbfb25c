#pragma once

// What a terminal or a CI system would obey in a text that holds words of others.

#include <string>

namespace labctl::support {

// The first line of `output` that would be obeyed, or passes for one of the
// program's own, and why; empty: it is only seen.
std::string obeyed_in(const std::string& output);

}  // namespace labctl::support
