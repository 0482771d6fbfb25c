#include "labctl/report/probe_results.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/text/table.hpp"
#include "probes/outcome/outcome.hpp"
#include "topology/base/printable.hpp"
#include "topology/model/place.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <ostream>
#include <set>
#include <string_view>
#include <vector>

namespace labctl::report {
namespace {

using Json = nlohmann::json;

// Pairs that were not asked (a pod and itself, a pod without such a port) have an empty outcome or "-".
char glyph_of(const std::string& outcome) {
  if (outcome.empty() || outcome == "-") {
    return ' ';
  }
  const auto known = probes::parse_outcome(outcome);
  return probes::glyph(known.value_or(probes::Outcome::Inconclusive));
}

std::string paint(const std::string& outcome, std::string_view shown, const Palette& palette) {
  return outcome == "ok" ? palette.good(shown) : palette.bad(shown);
}

std::string padded(const std::string& text, size_t width) {
  const size_t used = display_width(text);
  return used < width ? text + std::string(width - used, ' ') : text;
}

std::string spread(const Json& responses) {
  std::string out;
  if (responses.is_object() && responses.size() > 1) {
    for (const auto& [backend, count] : responses.items()) {
      out += (out.empty() ? "" : ", ") + short_vantage(backend) + " " + count.dump();
    }
  }
  return out;
}

// The id as a row or a legend shows it.
std::string place_name(const Json& id) {
  return id.is_string() ? printable_line(short_vantage(id.get<std::string>())) : "?";
}

// One row: a glyph under the number of each destination.
std::string grid_row(const Json& cells, size_t digits, const Palette& palette, std::set<std::string>& seen) {
  std::string row;
  if (!cells.is_array()) {
    return row;
  }
  for (const Json& cell : cells) {
    const std::string outcome = cell.is_string() ? cell.get<std::string>() : std::string{};
    const char glyph = glyph_of(outcome);
    row.append(digits, ' ');
    if (glyph == ' ') {
      row += ' ';
    } else {
      seen.insert(outcome);
      row += paint(outcome, std::string(1, glyph), palette);
    }
  }
  row.erase(row.find_last_not_of(' ') + 1);
  return row;
}

// The glyphs, and below them which destination each number is. Returns the outcomes that occurred.
std::set<std::string> print_grid(std::ostream& out, const Json& matrix, const Palette& palette) {
  const Json& sources = list(matrix, "/sources");
  const Json& destinations = list(matrix, "/destinations");
  const Json& rows = list(matrix, "/rows");
  size_t width = 4;
  for (const Json& source : sources) {
    width = std::max(width, display_width(place_name(source)));
  }
  const size_t digits = std::to_string(destinations.size()).size();
  out << std::string(width + 1, ' ');
  for (size_t i = 1; i <= destinations.size(); ++i) {
    const std::string label = std::to_string(i);
    out << std::string(digits + 1 - label.size(), ' ') << label;
  }
  out << '\n';
  std::set<std::string> seen;
  for (size_t i = 0; i < sources.size() && i < rows.size(); ++i) {
    out << padded(place_name(sources[i]), width) << ' ' << grid_row(rows[i], digits, palette, seen) << '\n';
  }
  out << '\n';
  for (size_t i = 0; i < destinations.size(); ++i) {
    const std::string label = std::to_string(i + 1);
    out << std::string(digits - label.size() + 2, ' ') << label << "  " << place_name(destinations[i])
        << '\n';
  }
  out << '\n';
  return seen;
}

void print_failures(std::ostream& out, const Json& failures, const Palette& palette) {
  constexpr size_t kMostShown = 50;  // beyond that a list is no reading: -o json has them all
  for (size_t i = 0; i < failures.size() && i < kMostShown; ++i) {
    const Json& failure = failures[i];
    out << "  " << printable_line(text(failure, "/from")) << " -> " << printable_line(text(failure, "/to"))
        << ": " << palette.bad(printable_line(text(failure, "/outcome")));
    if (const std::string backend = text(failure, "/backend"); !backend.empty()) {
      out << " by " << printable_line(backend);
    }
    if (const std::string wanted = text(failure, "/wanted"); !wanted.empty()) {
      out << palette.faint(", wanted " + printable_line(wanted));
    }
    out << '\n';
  }
  if (failures.size() > kMostShown) {
    out << "  and " << failures.size() - kMostShown << " more (-o json lists them all)\n";
  }
}

// The records, and what was asked where for them: "web.default.svc. A @10.96.0.10 NXDOMAIN 212us".
void print_dns(std::ostream& out, const Json& result, bool wide) {
  for (const Json& answer : list(result, "/dns/answer")) {
    out << "          " << printable_line(answer.is_string() ? answer.get<std::string>() : answer.dump())
        << '\n';
  }
  const Json& queries = list(result, "/dns/queries");
  const bool came_to_nothing = queries.size() > 1 && text(result, "/outcome") != "ok";
  if (!wide && !came_to_nothing) {
    return;
  }
  for (const Json& query : queries) {
    const std::string said = text_or(query, "/rcode", text(query, "/outcome"));
    out << "          ? " << printable_line(text(query, "/name")) << ' '
        << printable_line(text(query, "/type")) << " @" << printable_line(text(query, "/server")) << "  "
        << printable_line(said) << "  " << format_elapsed(std::chrono::microseconds(number(query, "/rtt_us")))
        << '\n';
  }
}

}  // namespace

std::string short_vantage(const std::string& id) {
  const auto place = model::parse_place(id);
  if (!place || place->kind != model::PlaceKind::Pod) {
    return id;
  }
  return place->ns == "default" ? place->name : place->ns + "/" + place->name;
}

void print_probe(std::ostream& out, const Json& result, const Palette& palette, bool wide) {
  const std::string outcome = printable_line(text_or(result, "/outcome", "inconclusive"));
  out << paint(outcome, padded(outcome, 8), palette) << "  " << printable_line(text(result, "/from"))
      << " -> " << printable_line(text(result, "/to"));
  if (const std::string proto = text(result, "/proto"); !proto.empty()) {
    out << palette.faint("/" + printable_line(proto));
  }
  const std::string backends = spread(at(result, "/responses"));
  if (!backends.empty()) {
    out << "   " << printable_line(backends);
  } else if (const std::string backend = text(result, "/backend"); !backend.empty()) {
    out << "   " << printable_line(short_vantage(backend));
  }
  if (const std::string source = text(result, "/source"); !source.empty()) {
    out << "   " << palette.faint("from " + printable_line(source));
  }
  if (at(result, "/rtt_us").is_number() && outcome == "ok") {
    out << "   " << format_elapsed(std::chrono::microseconds(number(result, "/rtt_us")));
  }
  if (const long long tries = number(result, "/tries"); tries > 1) {
    out << "   " << palette.faint(std::to_string(tries) + " tries");
  }
  if (const std::string status = text(result, "/status"); !status.empty()) {
    out << "   HTTP " << printable_line(status);
  }
  out << '\n';
  print_dns(out, result, wide);
  if (const std::string error = text(result, "/error"); !error.empty()) {
    out << "          " << printable_line(error) << '\n';
  }
}

void print_matrix(std::ostream& out, const Json& matrix, const Palette& palette) {
  const std::set<std::string> seen = print_grid(out, matrix, palette);
  for (const std::string& outcome : seen) {
    out << "  " << paint(outcome, std::string(1, glyph_of(outcome)), palette) << " "
        << printable_line(outcome);
  }
  out << (seen.empty() ? "" : "\n");
  const long long ok = number(matrix, "/ok");
  const long long total = number(matrix, "/total");
  const std::string summary = std::to_string(ok) + " of " + std::to_string(total) + " as they should be";
  out << (ok == total ? palette.good(summary) : palette.bad(summary));
  if (const long long elapsed = number(matrix, "/elapsed_ms"); elapsed > 0) {
    out << "  " << palette.faint("(" + format_elapsed(std::chrono::milliseconds(elapsed)) + ")");
  }
  out << '\n';
  print_failures(out, list(matrix, "/failures"), palette);
}

}  // namespace labctl::report
