#pragma once

// How an error reads on a terminal: what failed, then the next thing to do.
//
//   error: pod web-0: eth0: add 10.1.0.7/24: File exists (EEXIST)
//     hint: `labctl down` first

#include "labctl/report/text/palette.hpp"
#include "topology/base/diagnostic.hpp"
#include "topology/base/error.hpp"

#include <iosfwd>
#include <string_view>
#include <vector>

namespace labctl::report {

// The same under another heading ("warning: "), or none, coloured already.
void print_message(std::ostream& out, std::string_view heading, std::string_view message,
                   std::string_view hint, const Palette& palette = {});
void print_error(std::ostream& out, std::string_view message, std::string_view hint,
                 const Palette& palette = {});
void print_error(std::ostream& out, const Error& error, const Palette& palette = {});

// One "file:line:column: error: ..." a diagnostic, as to_string(Diagnostic) words it.
void print_diagnostics(std::ostream& out, const std::vector<Diagnostic>& diagnostics,
                       const Palette& palette = {});

}  // namespace labctl::report
