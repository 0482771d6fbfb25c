#pragma once

// Answers of probes and of a matrix as the lab gives them (POST /lab/v1/probes, /lab/v1/matrix), for people.

#include "labctl/report/text/palette.hpp"

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <string>

namespace labctl::report {

// One line, for results that come one by one:
//   ok       pod/default/client -> svc/default/web:80/tcp   pod/default/web-0   412us
// and, with several tries, how they were spread over backends. Below it the records of a DNS answer, and each
// question that was asked, when a search of several came to nothing or `wide` wants to know.
void print_probe(std::ostream& out, const nlohmann::json& result, const Palette& palette, bool wide = false);

// Rows are sources, columns destinations; one glyph a pair, a legend of the glyphs that occur, the counts,
// and the pairs that are not as they should be in words.
void print_matrix(std::ostream& out, const nlohmann::json& matrix, const Palette& palette);

// "default/web-0" of "pod/default/web-0", and "web-0" for the default namespace: shorter, still unambiguous
// in print because nodes and outside hosts keep their prefix.
std::string short_vantage(const std::string& id);

}  // namespace labctl::report
