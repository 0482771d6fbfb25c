#pragma once

// Small files read whole: /proc, /etc, what we wrote ourselves.

#include <string>

namespace labctl {

// The text of a file. Empty if it cannot be read.
std::string text_of_file(const std::string& path);

}  // namespace labctl
