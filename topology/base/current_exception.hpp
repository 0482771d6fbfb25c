#pragma once

// What was thrown, in words, whatever its type: for the few places that catch all there is.

#include <string>

namespace labctl {

// What the exception at hand says, in a catch block; never empty.
std::string words_of_current_exception() noexcept;

}  // namespace labctl
