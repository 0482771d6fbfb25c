#pragma once

// Messages end with a cause: "act: cause". Where the cause is what somebody else said, it may be nothing.

#include <string>

namespace labctl {

// `message`; if it is empty, or breaks off where its cause should stand, with words that say so. All errors
// and events pass through here.
std::string with_reason(std::string message);

}  // namespace labctl
