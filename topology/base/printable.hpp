#pragma once

// Text of others - names in files, labels, output of pods and programs, answers of servers - made fit for a
// terminal and for the log of a CI system: all of it is to be seen, none of it obeyed. Everything that is
// printed for people goes through here; colours are put on afterwards.
//
// Shown escaped:
//   - control characters, also those of two bytes, U+0080 to U+009F: they begin escape sequences
//   - what is seen only by its effect on other characters: marks of direction (Unicode UAX #9), joiners,
//     blanks without width, tags
//   - what is no UTF-8 (RFC 3629), and what is no character, such as U+FFFE: XML and YAML refuse it
//   - the brackets and colons that make a line a command of a CI system: "##[...]" of GitHub Actions and
//     Azure Pipelines, "##vso[...]", "##teamcity[...]", wherever they stand in a line, and "::command::" of GitHub
//     Actions at its beginning. GitLab's sections are escape sequences.

#include <string>
#include <string_view>

namespace labctl {

// Any number of lines: newlines and tabs stay. What is escaped reads \x1b, \u202e, \U000e0041.
std::string printable(std::string_view text);

// The same on one line: newlines, carriage returns and tabs become blanks.
std::string printable_line(std::string_view text);

// The length in bytes of the well-formed UTF-8 sequence at the front, or 0: no surrogates, nothing overlong.
size_t utf8_length(std::string_view text);

// Whether a well-formed sequence is none that shows; newlines and tabs are such, too.
bool is_unseen(std::string_view sequence);

// How a well-formed sequence is escaped, or one byte that is no UTF-8.
std::string escaped(std::string_view sequence);

// The position of a character without which the line would be no command of a CI system; npos: it is none.
// `at_start`: the text begins its line.
size_t find_ci_command(std::string_view line, bool at_start = true);

}  // namespace labctl
