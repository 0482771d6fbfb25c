#include "labctl/report/probe_results.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/text/table.hpp"
#include "probes/outcome/outcome.hpp"
#include "topology/base/printable.hpp"
#include "topology/model/place.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::report {
namespace {

using matrix::ReachMatrix;
using probes::Outcome;

std::string paint(Outcome outcome, std::string_view shown, const Palette& palette) {
  return outcome == Outcome::Ok ? palette.good(shown) : palette.bad(shown);
}

std::string padded(const std::string& text, size_t width) {
  const size_t used = display_width(text);
  return used < width ? text + std::string(width - used, ' ') : text;
}

std::string spread(const std::map<std::string, std::uint64_t>& responses) {
  std::string out;
  if (responses.size() > 1) {
    for (const auto& [backend, count] : responses) {
      out += (out.empty() ? "" : ", ") + short_vantage(backend) + " " + std::to_string(count);
    }
  }
  return out;
}

// The id as a row or a legend shows it.
std::string place_name(const std::string& id) { return printable_line(short_vantage(id)); }

// One row: a glyph under the number of each destination; nothing for a pair that was not asked.
std::string grid_row(const ReachMatrix& reach, size_t row, size_t digits, const Palette& palette) {
  std::string text;
  for (size_t column = 0; column < reach.destinations().size(); ++column) {
    text.append(digits, ' ');
    const auto seen = reach.seen(row, column);
    text += seen ? paint(*seen, std::string(1, probes::glyph(*seen)), palette) : " ";
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// The glyphs, and below them which destination each number is.
void print_grid(std::ostream& out, const ReachMatrix& reach, const Palette& palette) {
  size_t width = 4;
  for (const std::string& source : reach.sources()) {
    width = std::max(width, display_width(place_name(source)));
  }
  const size_t digits = std::to_string(reach.destinations().size()).size();
  out << std::string(width + 1, ' ');
  for (size_t i = 1; i <= reach.destinations().size(); ++i) {
    const std::string label = std::to_string(i);
    out << std::string(digits + 1 - label.size(), ' ') << label;
  }
  out << '\n';
  for (size_t row = 0; row < reach.sources().size(); ++row) {
    out << padded(place_name(reach.sources()[row]), width) << ' ' << grid_row(reach, row, digits, palette)
        << '\n';
  }
  out << '\n';
  for (size_t i = 0; i < reach.destinations().size(); ++i) {
    const std::string label = std::to_string(i + 1);
    out << std::string(digits - label.size() + 2, ' ') << label << "  " << place_name(reach.destinations()[i])
        << '\n';
  }
  out << '\n';
}

// The outcomes that occur, by name.
void print_legend(std::ostream& out, const probes::OutcomeCounts& seen, const Palette& palette) {
  std::vector<Outcome> occurring;
  std::copy_if(probes::kOutcomes.begin(), probes::kOutcomes.end(), std::back_inserter(occurring),
               [&](Outcome outcome) { return seen[outcome] > 0; });
  std::sort(occurring.begin(), occurring.end(),
            [](Outcome a, Outcome b) { return probes::to_string(a) < probes::to_string(b); });
  for (const Outcome outcome : occurring) {
    out << "  " << paint(outcome, std::string(1, probes::glyph(outcome)), palette) << " "
        << probes::to_string(outcome);
  }
  out << (occurring.empty() ? "" : "\n");
}

void print_failures(std::ostream& out, const ReachMatrix& reach, size_t count, const Palette& palette) {
  constexpr size_t kMostShown = 50;  // beyond that a list is no reading: -o json has them all
  for (const ReachMatrix::Failure& failure : reach.failures(kMostShown)) {
    out << "  " << printable_line(reach.sources()[failure.source]) << " -> "
        << printable_line(reach.destinations()[failure.destination]) << ": "
        << palette.bad(probes::to_string(failure.seen));
    if (!failure.backend.empty()) {
      out << " by " << printable_line(failure.backend);
    }
    out << palette.faint(", wanted " + std::string(probes::to_string(failure.wanted))) << '\n';
  }
  if (count > kMostShown) {
    out << "  and " << count - kMostShown << " more (-o json lists them all)\n";
  }
}

// The records, and what was asked where for them: "web.default.svc. A @10.96.0.10 NXDOMAIN 212us".
void print_dns(std::ostream& out, const api::ProbeResult& result, bool wide) {
  for (const std::string& answer : result.dns->answer) {
    out << "          " << printable_line(answer) << '\n';
  }
  const bool came_to_nothing = result.dns->queries.size() > 1 && result.outcome != Outcome::Ok;
  if (!wide && !came_to_nothing) {
    return;
  }
  for (const api::ProbeResult::Query& query : result.dns->queries) {
    const std::string said =
        query.rcode.empty() ? std::string(probes::to_string(query.outcome)) : query.rcode;
    out << "          ? " << printable_line(query.name) << ' ' << printable_line(query.type) << " @"
        << printable_line(query.server) << "  " << printable_line(said) << "  "
        << format_elapsed(std::chrono::microseconds(query.rtt_us)) << '\n';
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

nlohmann::json to_json(const ProbeLine& probe) {
  nlohmann::json line = to_json(probe.result);
  const std::pair<const char*, const std::string&> texts[] = {
      {"from", probe.from}, {"to", probe.to}, {"proto", probe.proto}, {"why", probe.why}};
  for (const auto& [name, text] : texts) {
    if (!text.empty()) {
      line[name] = text;
    }
  }
  if (probe.line) {
    line["line"] = *probe.line;
  }
  if (probe.passed) {
    line["passed"] = *probe.passed;
  }
  return line;
}

void print_probe(std::ostream& out, const ProbeLine& probe, const Palette& palette, bool wide) {
  const api::ProbeResult& result = probe.result;
  out << paint(result.outcome, padded(std::string(probes::to_string(result.outcome)), 8), palette) << "  "
      << printable_line(probe.from) << " -> " << printable_line(probe.to);
  if (!probe.proto.empty()) {
    out << palette.faint("/" + printable_line(probe.proto));
  }
  if (const std::string backends = spread(result.responses); !backends.empty()) {
    out << "   " << printable_line(backends);
  } else if (!result.backend.empty()) {
    out << "   " << printable_line(short_vantage(result.backend));
  }
  if (result.source) {
    out << "   " << palette.faint("from " + to_string(*result.source));
  }
  if (result.rtt_us != 0 && result.outcome == Outcome::Ok) {
    out << "   " << format_elapsed(std::chrono::microseconds(result.rtt_us));
  }
  if (result.tries > 1) {
    out << "   " << palette.faint(std::to_string(result.tries) + " tries");
  }
  if (result.http) {
    out << "   HTTP " << result.http->status;
  }
  out << '\n';
  if (result.dns) {
    print_dns(out, result, wide);
  }
  if (!result.error.empty()) {
    out << "          " << printable_line(result.error) << '\n';
  }
}

void print_matrix(std::ostream& out, const api::MatrixReply& reply, const Palette& palette) {
  const ReachMatrix::Summary counts = reply.reach.summary();
  print_grid(out, reply.reach, palette);
  print_legend(out, counts.seen, palette);
  const std::string summary =
      std::to_string(counts.as_wanted) + " of " + std::to_string(counts.probed) + " as they should be";
  out << (counts.as_wanted == counts.probed ? palette.good(summary) : palette.bad(summary));
  if (const auto elapsed = static_cast<long long>(reply.elapsed_ms); elapsed > 0) {
    out << "  " << palette.faint("(" + format_elapsed(std::chrono::milliseconds(elapsed)) + ")");
  }
  out << '\n';
  print_failures(out, reply.reach, counts.probed - counts.as_wanted, palette);
}

}  // namespace labctl::report
