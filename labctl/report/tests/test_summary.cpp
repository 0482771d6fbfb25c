#include "labctl/report/tests/test_summary.hpp"

#include "labctl/report/objects/age.hpp"
#include "labctl/report/tests/test_suites.hpp"
#include "topology/base/printable.hpp"
#include "topology/base/process_end.hpp"

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace labctl::report {
namespace {

struct SummaryLine {
  std::string text;
  std::string evidence;  // printed below
};

void print_section(std::ostream& out, const std::string& heading, const std::vector<SummaryLine>& lines,
                   std::string_view rest) {
  if (lines.empty()) {
    return;
  }
  out << '\n' << heading << '\n';
  for (size_t i = 0; i < lines.size() && i < kSummaryLinesMost; ++i) {
    out << "  " << lines[i].text << '\n';
    if (!lines[i].evidence.empty()) {
      out << "      evidence: " << lines[i].evidence << '\n';
    }
  }
  if (lines.size() > kSummaryLinesMost) {
    out << "  ... and " << lines.size() - kSummaryLinesMost << " more" << rest << '\n';
  }
}

std::vector<SummaryLine> failures_of(const TestRun& run) {
  std::vector<SummaryLine> lines;
  for (const ScenarioResult& scenario : run.scenarios) {
    const Verdict verdict = scenario.verdict();
    if (verdict == Verdict::Passed || verdict == Verdict::Skipped) {
      continue;
    }
    const std::string place = printable_line(scenario.name) + ": ";
    const size_t before = lines.size();
    for (const CheckResult& check : scenario.checks) {
      if (check.verdict == Verdict::Failed || check.verdict == Verdict::Broken) {
        lines.push_back({place + printable_line(check.name) + ": " + printable_line(check.message), {}});
      }
    }
    if (!scenario.error.empty()) {
      lines.push_back({place + printable_line(scenario.error), {}});
    }
    if (lines.size() > before) {
      lines[before].evidence = printable_line(scenario.evidence);
    }
  }
  return lines;
}

std::vector<SummaryLine> flaky_of(const TestRun& run) {
  std::vector<SummaryLine> lines;
  for (const ScenarioResult& scenario : run.scenarios) {
    if (scenario.is_flaky()) {
      lines.push_back({printable_line(scenario.name) + ": passed on try " + std::to_string(scenario.tries) +
                           "; before: " + printable_line(scenario.flaky),
                       printable_line(scenario.evidence)});
    }
  }
  return lines;
}

void print_conditions(std::ostream& out, const Palette& palette, const TestRun& run) {
  if (run.signal != 0) {
    out << palette.bad("ended early by " + signal_in_words(run.signal)) << '\n';
  }
  if (run.seed) {
    out << "seed " << *run.seed << " repeats this order\n";
  }
  if (!run.shard.empty()) {
    out << "shard " << printable_line(run.shard) << '\n';
  }
  if (!run.host.empty()) {
    out << printable_line(run.host) << '\n';
  }
}

void print_totals(std::ostream& out, const Palette& palette, const TestRun& run) {
  out << counted(run.scenarios.size(), "scenario") << (run.scenarios.empty() ? "" : ":");
  const char* separator = " ";
  const auto part = [&](Verdict verdict) {
    const int n = run.count(verdict);
    if (n == 0) {
      return;
    }
    const std::string text = std::to_string(n) + " " + std::string(to_string(verdict));
    out << separator;
    separator = ", ";
    if (verdict == Verdict::Failed || verdict == Verdict::Broken) {
      out << palette.bad(text);
    } else if (verdict == Verdict::Skipped) {
      out << text;
    } else {
      out << palette.good(text);
      if (const int flaky = run.count_flaky(); flaky > 0) {
        out << " (" << palette.warn(std::to_string(flaky) + " flaky") << ')';
      }
    }
  };
  part(Verdict::Passed);
  part(Verdict::Failed);
  part(Verdict::Broken);
  part(Verdict::Skipped);
  out << "; " << counted(static_cast<size_t>(run.count_checks()), "check") << "; "
      << format_elapsed(run.elapsed) << '\n';
}

}  // namespace

void write_summary(std::ostream& out, const Palette& palette, const TestRun& run) {
  if (run.scenarios.size() > 1) {
    print_section(out, palette.strong("Failed:"), failures_of(run), "; all in --junit/--jsonl");
    print_section(out, palette.strong("Flaky:"), flaky_of(run), "; all in --junit/--jsonl");
  }
  std::vector<SummaryLine> residue;
  for (const std::string& thing : run.residue) {
    residue.push_back({printable_line(thing), {}});
  }
  print_section(out, palette.bad("Left behind:"), residue, "; all in --junit/--jsonl");
  out << '\n';
  print_conditions(out, palette, run);
  print_totals(out, palette, run);
}

}  // namespace labctl::report
