#pragma once

// The beginning and the end of a text that is too long to be shown: both are where the point mostly is. How
// much was left out is said in between. Texts are cut between characters (UTF-8), never within one.

#include <cstddef>
#include <string>
#include <string_view>

namespace labctl {

// At most about `bytes` of a text on one line: "begi ... (12,345 bytes) ... end"; all of it if it is no
// longer.
std::string excerpt(std::string_view text, std::size_t bytes);

// Of a text of many lines at most `lines`, and of each no more than `bytes`. Whole lines are left out:
// "... (400 lines) ...".
std::string excerpt_of_lines(std::string_view text, std::size_t lines, std::size_t bytes);

// 4194304 as "4,194,304".
std::string with_commas(std::size_t number);

}  // namespace labctl
