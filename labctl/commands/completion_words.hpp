#pragma once

// What may stand where the user is typing: commands and flags from the command line's own description, names
// from the labs that are up.

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace labctl::commands {

// `words` are those after "labctl", the last one as far as it is typed (maybe empty). Lines of
// "word<TAB>description"; ":files" where file names may stand. Never throws: no answer is an answer. A lab
// that does not answer within a moment adds nothing.
std::vector<std::string> completion_words(const CLI::App& app,
                                          const std::vector<std::string>& words) noexcept;

}  // namespace labctl::commands
