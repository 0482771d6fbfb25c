#include "labctl/report/test_results.hpp"

#include "labctl/report/age.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <ostream>
#include <string_view>

namespace labctl::report {
namespace {

constexpr std::string_view kDetailIndent = "        ";
constexpr std::string_view kEvidenceIndent = "        | ";
constexpr size_t kLineWidth = 100;

std::string label_of(Verdict verdict, const Palette& palette) {
  switch (verdict) {
    case Verdict::Passed:
      return palette.good("ok   ");
    case Verdict::Failed:
      return palette.bad("FAIL ");
    case Verdict::Broken:
      return palette.bad("ERROR");
    case Verdict::Skipped:
      return palette.warn("skip ");
  }
  return {};
}

void print_indented(std::ostream& out, std::string_view text, std::string_view indent) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    out << indent << printable(text.substr(0, end)) << '\n';
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

// Breaks at blanks, so that a line fits a usual terminal.
void print_wrapped(std::ostream& out, std::string_view text, std::string_view indent) {
  const size_t width = kLineWidth - indent.size();
  while (!text.empty()) {
    size_t end = text.size();
    if (end > width) {
      end = text.rfind(' ', width);
      end = end == std::string_view::npos ? text.find(' ') : end;
      end = end == std::string_view::npos ? text.size() : end;
    }
    out << indent << printable(text.substr(0, end)) << '\n';
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \n")));
  }
}

std::string position(const SourcePosition& where) {
  return where.line > 0 ? where.file + ":" + std::to_string(where.line) : where.file;
}

std::string counted(int n, std::string_view noun) {
  return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

double milliseconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1000.0; }

nlohmann::json check_json(const CheckResult& check) {
  nlohmann::json out{{"name", check.name},
                     {"verdict", to_string(check.verdict)},
                     {"elapsedMs", milliseconds(check.elapsed)},
                     {"tries", check.tries}};
  if (!check.message.empty()) {
    out["message"] = check.message;
  }
  if (!check.details.empty()) {
    out["details"] = check.details;
  }
  if (!check.where.file.empty()) {
    out["file"] = check.where.file;
    out["line"] = check.where.line;
  }
  return out;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Passed:
      return "passed";
    case Verdict::Failed:
      return "failed";
    case Verdict::Broken:
      return "broken";
    case Verdict::Skipped:
      return "skipped";
  }
  return "broken";
}

Verdict ScenarioResult::verdict() const {
  if (!skipped.empty()) {
    return Verdict::Skipped;
  }
  const auto has = [&](Verdict verdict) {
    return std::any_of(checks.begin(), checks.end(),
                       [&](const CheckResult& c) { return c.verdict == verdict; });
  };
  if (!error.empty() || has(Verdict::Broken)) {
    return Verdict::Broken;
  }
  return has(Verdict::Failed) ? Verdict::Failed : Verdict::Passed;
}

int TestRun::count(Verdict verdict) const {
  return static_cast<int>(std::count_if(scenarios.begin(), scenarios.end(),
                                        [&](const ScenarioResult& s) { return s.verdict() == verdict; }));
}

TestProgress::TestProgress(std::ostream& out, Palette palette, bool follow, bool verbose)
    : out_(out), palette_(palette), follow_(follow), verbose_(verbose) {}

void TestProgress::print_heading(const ScenarioResult& scenario) {
  out_ << palette_.strong("=== " + printable(scenario.name)) << "  "
       << palette_.faint(printable(scenario.file)) << '\n';
}

void TestProgress::print_check(const CheckResult& check) {
  out_ << "  " << label_of(check.verdict, palette_) << " " << printable(check.name);
  std::string aside = format_elapsed(check.elapsed);
  if (check.tries > 1) {
    aside += ", " + std::to_string(check.tries) + " tries";
  }
  out_ << "  " << palette_.faint("(" + aside + ")") << '\n';
  print_wrapped(out_, check.explanation, kDetailIndent);
  // A check that teaches shows what it saw, too.
  if (check.verdict == Verdict::Passed && !verbose_ && check.explanation.empty()) {
    return;
  }
  print_indented(out_, check.message, kDetailIndent);
  print_indented(out_, check.details, kEvidenceIndent);
  if (!check.where.file.empty() && check.verdict != Verdict::Passed) {
    out_ << kDetailIndent << palette_.faint(printable(position(check.where))) << '\n';
  }
}

void TestProgress::scenario_started(const ScenarioResult& scenario) {
  if (follow_) {
    const std::lock_guard lock(mutex_);
    print_heading(scenario);
    out_.flush();
  }
}

void TestProgress::check_finished(const ScenarioResult&, const CheckResult& check) {
  if (follow_) {
    const std::lock_guard lock(mutex_);
    print_check(check);
    out_.flush();
  }
}

void TestProgress::scenario_finished(const ScenarioResult& scenario) {
  const std::lock_guard lock(mutex_);
  if (!follow_) {
    print_heading(scenario);
    for (const CheckResult& check : scenario.checks) {
      print_check(check);
    }
  }
  print_indented(out_, scenario.skipped, "  ");
  print_indented(out_, scenario.error, "  ");
  if (!scenario.hint.empty()) {
    out_ << "    " << palette_.note("hint:") << ' ' << printable(scenario.hint) << '\n';
  }
  out_ << "--- " << label_of(scenario.verdict(), palette_) << " " << printable(scenario.name);
  std::string aside = format_elapsed(scenario.elapsed);
  if (scenario.boot.count() > 0) {
    aside = "booted in " + format_elapsed(scenario.boot) + ", " + aside;
  }
  out_ << "  " << palette_.faint("(" + aside + ")") << '\n';
  if (!scenario.lab.empty()) {
    out_ << "    kept: " << scenario.lab << ", `labctl down " << scenario.lab << "` takes it down\n";
  }
  out_.flush();
}

void TestProgress::run_finished(const TestRun& run) {
  const std::lock_guard lock(mutex_);
  bool heading = false;
  int checks = 0;
  for (const ScenarioResult& scenario : run.scenarios) {
    checks += static_cast<int>(scenario.checks.size());
    const Verdict verdict = scenario.verdict();
    if (run.scenarios.size() < 2 || verdict == Verdict::Passed || verdict == Verdict::Skipped) {
      continue;
    }
    if (!heading) {
      out_ << '\n' << palette_.strong("Failed:") << '\n';
      heading = true;
    }
    for (const CheckResult& check : scenario.checks) {
      if (check.verdict == Verdict::Failed || check.verdict == Verdict::Broken) {
        out_ << "  " << printable(scenario.name) << ": " << printable(check.name) << ": "
             << printable(check.message) << '\n';
      }
    }
    if (!scenario.error.empty()) {
      out_ << "  " << printable(scenario.name) << ": " << printable(scenario.error) << '\n';
    }
  }
  out_ << '\n' << counted(static_cast<int>(run.scenarios.size()), "scenario") << ":";
  const char* separator = " ";
  const auto part = [&](Verdict verdict, std::string_view word) {
    if (const int n = run.count(verdict); n > 0) {
      const std::string text = std::to_string(n) + " " + std::string(word);
      const bool bad = verdict == Verdict::Failed || verdict == Verdict::Broken;
      out_ << separator
           << (bad                          ? palette_.bad(text)
               : verdict == Verdict::Passed ? palette_.good(text)
                                            : text);
      separator = ", ";
    }
  };
  part(Verdict::Passed, "passed");
  part(Verdict::Failed, "failed");
  part(Verdict::Broken, "broken");
  part(Verdict::Skipped, "skipped");
  out_ << "; " << counted(checks, "check") << "; " << format_elapsed(run.elapsed) << '\n';
  out_.flush();
}

nlohmann::json to_json(const TestRun& run) {
  nlohmann::json scenarios = nlohmann::json::array();
  for (const ScenarioResult& scenario : run.scenarios) {
    nlohmann::json checks = nlohmann::json::array();
    for (const CheckResult& check : scenario.checks) {
      checks.push_back(check_json(check));
    }
    nlohmann::json entry{{"name", scenario.name},
                         {"file", scenario.file},
                         {"labels", scenario.labels},
                         {"verdict", to_string(scenario.verdict())},
                         {"bootMs", milliseconds(scenario.boot)},
                         {"elapsedMs", milliseconds(scenario.elapsed)},
                         {"checks", std::move(checks)}};
    if (!scenario.error.empty()) {
      entry["error"] = scenario.error;
    }
    if (!scenario.hint.empty()) {
      entry["hint"] = scenario.hint;
    }
    if (!scenario.skipped.empty()) {
      entry["skipped"] = scenario.skipped;
    }
    if (!scenario.lab.empty()) {
      entry["lab"] = scenario.lab;
    }
    scenarios.push_back(std::move(entry));
  }
  return {{"scenarios", std::move(scenarios)},      {"passed", run.count(Verdict::Passed)},
          {"failed", run.count(Verdict::Failed)},   {"broken", run.count(Verdict::Broken)},
          {"skipped", run.count(Verdict::Skipped)}, {"elapsedMs", milliseconds(run.elapsed)}};
}

void write_github_annotations(std::ostream& out, const TestRun& run) {
  const auto escape = [](std::string_view text, bool property) {
    std::string escaped;
    for (const char c : text) {
      switch (c) {
        case '%':
          escaped += "%25";
          break;
        case '\r':
          escaped += "%0D";
          break;
        case '\n':
          escaped += "%0A";
          break;
        case ':':
          escaped += property ? "%3A" : ":";
          break;
        case ',':
          escaped += property ? "%2C" : ",";
          break;
        default:
          escaped += c;
      }
    }
    return escaped;
  };
  for (const ScenarioResult& scenario : run.scenarios) {
    for (const CheckResult& check : scenario.checks) {
      if (check.verdict != Verdict::Failed && check.verdict != Verdict::Broken) {
        continue;
      }
      const std::string& file = check.where.file.empty() ? scenario.file : check.where.file;
      out << "::error file=" << escape(file, true);
      if (check.where.line > 0) {
        out << ",line=" << check.where.line;
      }
      out << ",title=" << escape(scenario.name + ": " + check.name, true)
          << "::" << escape(check.message, false) << '\n';
    }
    if (!scenario.error.empty()) {
      out << "::error file=" << escape(scenario.file, true) << ",title=" << escape(scenario.name, true)
          << "::" << escape(scenario.error, false) << '\n';
    }
  }
}

}  // namespace labctl::report
