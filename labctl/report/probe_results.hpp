#pragma once

// Results of probes and of a matrix, for people.

#include "labctl/api/matrix_message.hpp"
#include "labctl/api/probe_message.hpp"
#include "labctl/report/text/palette.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>

namespace labctl::report {

// A result with what was asked and what was expected.
struct ProbeLine {
  api::ProbeResult result{};
  std::string from{};
  std::string to{};
  std::string proto{};                // as asked for; empty: the target says it
  std::optional<std::size_t> line{};  // of the input, for a probe without an id
  std::optional<bool> passed{};       // nothing: nothing was expected
  std::string why{};                  // not passed
};

// The members of the result, and "from", "to", "proto", "line", "passed" and "why" where there is something
// to say.
nlohmann::json to_json(const ProbeLine& probe);

// One line, for results that come one by one:
//   ok       pod/default/client -> svc/default/web:80/tcp   pod/default/web-0   412us
// and, with several tries, how they were spread over backends. Below it the records of a DNS answer, and each
// question that was asked, when a search of several came to nothing or `wide` wants to know.
void print_probe(std::ostream& out, const ProbeLine& probe, const Palette& palette, bool wide = false);

// Rows are sources, columns destinations; one glyph a pair, a legend of the glyphs that occur, the counts,
// and the pairs that are not as they should be in words.
void print_matrix(std::ostream& out, const api::MatrixReply& reply, const Palette& palette);

// "default/web-0" of "pod/default/web-0", and "web-0" for the default namespace: shorter, still unambiguous
// in print because nodes and outside hosts keep their prefix.
std::string short_vantage(const std::string& id);

}  // namespace labctl::report
