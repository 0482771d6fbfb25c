#include "labctl/report/tests/test_results.hpp"
#include "labctl/report/tests/test_suites.hpp"
#include "topology/base/printable.hpp"
#include "topology/base/process_end.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

// TAP 14 (https://testanything.org/tap-version-14-specification.html): a commented subtest a scenario. What
// TAP 13 readers see of one is its last line, the correlated test point.

namespace labctl::report {
namespace {

constexpr std::string_view kSubtestIndent = "    ";

// Section "Escaping": only these two, so that no text begins a directive.
std::string tap_escaped(std::string_view text) {
  std::string out;
  for (const char c : printable_line(text)) {
    if (c == '#' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

// A JSON string is a YAML 1.2 scalar in double quotes, and one that the YAMLish of prove reads, too.
std::string tap_quoted(std::string_view text) { return nlohmann::json(printable(text)).dump(); }

// Lines of the YAML block below a test point.
class Diagnostics {
 public:
  void add(std::string_view key, std::string_view text) {
    if (!text.empty()) {
      lines_.push_back(std::string(key) + ": " + tap_quoted(text));
    }
  }
  void add(std::string_view key, std::int64_t number) {
    lines_.push_back(std::string(key) + ": " + std::to_string(number));
  }
  void add_place(const SourcePosition& where) {
    if (where.file.empty()) {
      return;
    }
    lines_.emplace_back("at:");
    add("  file", where.file);
    if (where.line > 0) {
      add("  line", where.line);
    }
    if (where.column > 0) {
      add("  column", where.column);
    }
  }
  void print(std::ostream& out, std::string_view indent) const {
    if (lines_.empty()) {
      return;
    }
    out << indent << "  ---\n";
    for (const std::string& line : lines_) {
      out << indent << "  " << line << '\n';
    }
    out << indent << "  ...\n";
  }

 private:
  std::vector<std::string> lines_;
};

bool counts_as_ok(Verdict verdict) { return verdict == Verdict::Passed || verdict == Verdict::Skipped; }

void write_point(std::ostream& out, std::string_view indent, Verdict verdict, size_t number,
                 std::string_view name, std::string_view why_skipped) {
  out << indent << (counts_as_ok(verdict) ? "ok " : "not ok ") << number << " - " << tap_escaped(name);
  if (verdict == Verdict::Skipped) {
    out << " # SKIP " << tap_escaped(why_skipped);
  }
  out << '\n';
}

std::string_view severity_of(Verdict verdict) { return verdict == Verdict::Failed ? "fail" : "error"; }

void write_subtest(std::ostream& out, const TestSuite& suite) {
  out << kSubtestIndent << "1.." << suite.cases.size() << '\n';
  for (size_t i = 0; i < suite.cases.size(); ++i) {
    const CheckResult& check = suite.cases[i].check;
    write_point(out, kSubtestIndent, check.verdict, i + 1, check.name, check.message);
    Diagnostics diagnostics;
    diagnostics.add("flaky", suite.cases[i].flaky);
    if (!counts_as_ok(check.verdict)) {
      diagnostics.add("message", check.message);
      diagnostics.add("severity", severity_of(check.verdict));
      diagnostics.add("explanation", check.explanation);
      diagnostics.add("details", check.details);
      diagnostics.add_place(check.where);
    }
    diagnostics.print(out, kSubtestIndent);
  }
}

void write_correlated_point(std::ostream& out, const TestSuite& suite, size_t number) {
  const ScenarioResult& scenario = suite.scenario;
  const Verdict verdict = scenario.verdict();
  write_point(out, "", verdict, number, scenario.name, scenario.skipped);
  Diagnostics diagnostics;
  if (!counts_as_ok(verdict)) {
    diagnostics.add("severity", severity_of(verdict));
    diagnostics.add("message", scenario.error);
    diagnostics.add("hint", scenario.hint);
  }
  diagnostics.add("file", scenario.file);
  if (scenario.tries > 1) {
    diagnostics.add("tries", scenario.tries);
  }
  diagnostics.add("flaky", scenario.flaky);
  diagnostics.add("evidence", scenario.evidence);
  if (verdict != Verdict::Skipped) {
    diagnostics.add("duration_ms",
                    std::chrono::duration_cast<std::chrono::milliseconds>(scenario.elapsed).count());
  }
  diagnostics.print(out, "");
}

}  // namespace

void write_tap(std::ostream& out, const TestRun& run, int version) {
  const std::vector<TestSuite> suites = test_suites(run);
  out << "TAP version " << version << "\n1.." << suites.size()
      << (suites.empty() ? " # SKIP no scenarios" : "") << '\n';
  if (!run.shard.empty()) {
    out << "# shard " << printable_line(run.shard) << '\n';
  }
  if (run.seed) {
    out << "# seed " << *run.seed << '\n';
  }
  for (size_t i = 0; i < suites.size(); ++i) {
    out << "# Subtest: " << tap_escaped(suites[i].scenario.name) << '\n';
    write_subtest(out, suites[i]);
    write_correlated_point(out, suites[i], i + 1);
  }
  if (run.signal != 0) {
    out << "Bail out! ended early by " << signal_in_words(run.signal) << '\n';
  }
}

}  // namespace labctl::report
