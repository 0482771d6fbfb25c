#include "labctl/report/age.hpp"
#include "labctl/report/test_results.hpp"
#include "labctl/report/xml.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <ostream>
#include <string>
#include <string_view>

// The two line formats of CI systems: JUnit XML (the de facto schema of Jenkins' junit-10.xsd) and TAP 13.

namespace labctl::report {
namespace {

// Text of an element, where newlines may stay as they are.
std::string xml_text(std::string_view text) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t end = text.find('\n', at);
    out += xml(text.substr(at, end == std::string_view::npos ? end : end - at));
    if (end == std::string_view::npos) {
      return out;
    }
    out += '\n';
    at = end + 1;
  }
}

std::string seconds(std::chrono::microseconds time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(time.count()) / 1e6);
  return text.data();
}

std::string timestamp(std::chrono::system_clock::time_point when) {
  const std::time_t time = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return text.data();
}

struct Counts {
  int tests = 0, failures = 0, errors = 0, skipped = 0;
  void add(Verdict verdict) {
    ++tests;
    failures += verdict == Verdict::Failed ? 1 : 0;
    errors += verdict == Verdict::Broken ? 1 : 0;
    skipped += verdict == Verdict::Skipped ? 1 : 0;
  }
};

std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  return out << " tests=\"" << counts.tests << "\" failures=\"" << counts.failures << "\" errors=\""
             << counts.errors << "\" skipped=\"" << counts.skipped << '"';
}

// The checks, and one more for what befell the scenario as a whole.
std::vector<CheckResult> test_cases(const ScenarioResult& scenario) {
  std::vector<CheckResult> cases = scenario.checks;
  CheckResult whole;
  whole.name = "scenario";
  whole.elapsed = scenario.elapsed;
  whole.details = scenario.hint.empty() ? "" : "hint: " + scenario.hint;
  if (!scenario.skipped.empty()) {
    whole.verdict = Verdict::Skipped;
    whole.message = scenario.skipped;
    cases.push_back(whole);
  } else if (!scenario.error.empty()) {
    whole.verdict = Verdict::Broken;
    whole.message = scenario.error;
    cases.push_back(whole);
  }
  return cases;
}

void write_case(std::ostream& out, const ScenarioResult& scenario, const CheckResult& check) {
  out << "    <testcase name=\"" << xml(check.name) << "\" classname=\"" << xml(scenario.name) << "\" time=\""
      << seconds(check.elapsed) << '"';
  const std::string& file = check.where.file.empty() ? scenario.file : check.where.file;
  if (!file.empty()) {
    out << " file=\"" << xml(file) << '"';
  }
  if (check.where.line > 0) {
    out << " line=\"" << check.where.line << '"';
  }
  switch (check.verdict) {
    case Verdict::Passed:
      out << "/>\n";
      return;
    case Verdict::Skipped:
      out << ">\n      <skipped message=\"" << xml(check.message) << "\"/>\n";
      break;
    case Verdict::Failed:
    case Verdict::Broken: {
      const char* element = check.verdict == Verdict::Failed ? "failure" : "error";
      out << ">\n      <" << element << " message=\"" << xml(check.message) << "\">"
          << xml_text(check.details) << "</" << element << ">\n";
      break;
    }
  }
  out << "    </testcase>\n";
}

std::string tap_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '#' ? "\\#" : c == '\n' ? std::string(" ") : printable(std::string_view(&c, 1));
  }
  return out;
}

std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c == '\n' ? std::string("\\n") : printable(std::string_view(&c, 1));
  }
  return out + "\"";
}

}  // namespace

void write_junit(std::ostream& out, const TestRun& run) {
  Counts total;
  for (const ScenarioResult& scenario : run.scenarios) {
    for (const CheckResult& check : test_cases(scenario)) {
      total.add(check.verdict);
    }
  }
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"labctl\"" << total << " time=\""
      << seconds(run.elapsed) << "\">\n";
  for (const ScenarioResult& scenario : run.scenarios) {
    const std::vector<CheckResult> cases = test_cases(scenario);
    Counts counts;
    for (const CheckResult& check : cases) {
      counts.add(check.verdict);
    }
    out << "  <testsuite name=\"" << xml(scenario.name) << '"' << counts << " time=\""
        << seconds(scenario.elapsed) << "\" timestamp=\"" << timestamp(run.started) << "\">\n";
    if (!scenario.labels.empty()) {
      out << "    <properties>\n";
      for (const auto& [key, value] : scenario.labels) {
        out << "      <property name=\"" << xml(key) << "\" value=\"" << xml(value) << "\"/>\n";
      }
      out << "    </properties>\n";
    }
    for (const CheckResult& check : cases) {
      write_case(out, scenario, check);
    }
    out << "  </testsuite>\n";
  }
  out << "</testsuites>\n";
}

void write_tap(std::ostream& out, const TestRun& run) {
  out << "TAP version 13\n";
  int number = 0;
  for (const ScenarioResult& scenario : run.scenarios) {
    for (const CheckResult& check : test_cases(scenario)) {
      const bool ok = check.verdict == Verdict::Passed || check.verdict == Verdict::Skipped;
      out << (ok ? "ok " : "not ok ") << ++number << " - " << tap_text(scenario.name + ": " + check.name);
      if (check.verdict == Verdict::Skipped) {
        out << " # SKIP " << tap_text(check.message);
      }
      out << '\n';
      if (!ok) {
        out << "  ---\n  message: " << yaml_quoted(check.message)
            << "\n  severity: " << (check.verdict == Verdict::Failed ? "fail" : "error") << '\n';
        if (!check.details.empty()) {
          out << "  details: " << yaml_quoted(check.details) << '\n';
        }
        out << "  ...\n";
      }
    }
  }
  out << "1.." << number << '\n';
}

}  // namespace labctl::report
