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

// The same, but at most one line for each topic of warnings, behind all others:
//
//   warning: 14 fields have no effect here: resources (9), securityContext (5); -v lists them
//   warning: 3 objects of 2 kinds left out: CustomResourceDefinition (2), Certificate (1); -v lists them
//
// Errors and mistakes of their own are listed as ever, unknown fields too as long as they are few. `is_verbose`
// lists all, every place that is known with a line of its own.
void print_findings(std::ostream& out, const std::vector<Diagnostic>& diagnostics, bool is_verbose,
                    const Palette& palette = {});

}  // namespace labctl::report
