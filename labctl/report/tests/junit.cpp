#include "labctl/report/tests/test_results.hpp"
#include "labctl/report/tests/test_suites.hpp"
#include "labctl/report/text/xml.hpp"
#include "topology/base/timestamp.hpp"

#include <array>
#include <cstdio>
#include <map>
#include <ostream>
#include <string>
#include <string_view>

// JUnit XML as the junit-10.xsd of Jenkins' xUnit plugin has it, which Maven Surefire,
// GitLab and GitHub's actions read too. It has no place for a file or a line in a test
// case, so they are in the text of a failure.

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

std::string junit_seconds(std::chrono::microseconds time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6f", static_cast<double>(time.count()) / 1e6);
  return text.data();
}

// xs:dateTime without a zone: readers take it for UTC.
std::string junit_timestamp(std::chrono::system_clock::time_point when) {
  std::string text = timestamp(when);
  text.pop_back();
  return text;
}

struct CaseCounts {
  int tests = 0, failures = 0, errors = 0, skipped = 0;
  void add(const TestSuite& suite) {
    for (const TestCase& test_case : suite.cases) {
      const Verdict verdict = test_case.check.verdict;
      ++tests;
      failures += verdict == Verdict::Failed ? 1 : 0;
      errors += verdict == Verdict::Broken ? 1 : 0;
      skipped += verdict == Verdict::Skipped ? 1 : 0;
    }
  }
};

std::ostream& operator<<(std::ostream& out, const CaseCounts& counts) {
  return out << " tests=\"" << counts.tests << "\" failures=\"" << counts.failures << "\" errors=\""
             << counts.errors << '"';
}

// The place first, then what the author says it shows, then the evidence.
std::string failure_text(const CheckResult& check) {
  std::string text;
  const auto add = [&](const std::string& part) {
    text += text.empty() || part.empty() ? part : "\n" + part;
  };
  if (!check.where.file.empty()) {
    add(check.where.file + (check.where.line > 0 ? ":" + std::to_string(check.where.line) : ""));
  }
  add(check.explanation);
  add(check.details);
  return text;
}

void write_case(std::ostream& out, const TestSuite& suite, const TestCase& test_case) {
  const CheckResult& check = test_case.check;
  out << "    <testcase name=\"" << xml(check.name) << "\" classname=\"" << xml(suite.scenario.name)
      << "\" time=\"" << junit_seconds(check.elapsed) << '"';
  switch (check.verdict) {
    case Verdict::Passed:
      if (test_case.flaky.empty()) {
        out << "/>\n";
        return;
      }
      out << ">\n      <flakyFailure type=\"flaky\" message=\"" << xml(test_case.flaky) << "\"/>\n";
      break;
    case Verdict::Skipped:
      out << ">\n      <skipped message=\"" << xml(check.message) << "\"/>\n";
      break;
    case Verdict::Failed:
    case Verdict::Broken: {
      const char* element = check.verdict == Verdict::Failed ? "failure" : "error";
      out << ">\n      <" << element << " type=\"" << to_string(check.verdict) << "\" message=\""
          << xml(check.message) << "\">" << xml_text(failure_text(check)) << "</" << element << ">\n";
      break;
    }
  }
  out << "    </testcase>\n";
}

// Ours under fixed names; a label that has one of these is "label.NAME".
void write_properties(std::ostream& out, const TestRun& run, const ScenarioResult& scenario) {
  std::map<std::string, std::string> properties;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) {
      properties[name] = value;
    }
  };
  add("seed", run.seed ? std::to_string(*run.seed) : "");
  add("shard", run.shard);
  add("retries", scenario.tries > 1 ? std::to_string(scenario.tries - 1) : "");
  add("evidence", scenario.evidence);
  for (const auto& [key, value] : scenario.labels) {
    if (!properties.emplace(key, value).second) {
      properties["label." + key] = value;
    }
  }
  if (properties.empty()) {
    return;
  }
  out << "    <properties>\n";
  for (const auto& [name, value] : properties) {
    out << "      <property name=\"" << xml(name) << "\" value=\"" << xml(value) << "\"/>\n";
  }
  out << "    </properties>\n";
}

void write_suite(std::ostream& out, const TestRun& run, const TestSuite& suite) {
  CaseCounts counts;
  counts.add(suite);
  const ScenarioResult& scenario = suite.scenario;
  out << "  <testsuite name=\"" << xml(scenario.name) << '"' << counts << " skipped=\"" << counts.skipped
      << "\" time=\"" << junit_seconds(scenario.elapsed) << "\" timestamp=\"" << junit_timestamp(run.started)
      << '"';
  if (!scenario.file.empty()) {
    out << " file=\"" << xml(scenario.file) << '"';
  }
  out << ">\n";
  write_properties(out, run, scenario);
  for (const TestCase& test_case : suite.cases) {
    write_case(out, suite, test_case);
  }
  out << "  </testsuite>\n";
}

}  // namespace

void write_junit(std::ostream& out, const TestRun& run) {
  const std::vector<TestSuite> suites = test_suites(run);
  CaseCounts total;
  for (const TestSuite& suite : suites) {
    total.add(suite);
  }
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"labctl\"" << total << " time=\""
      << junit_seconds(run.elapsed) << "\">\n";
  for (const TestSuite& suite : suites) {
    write_suite(out, run, suite);
  }
  out << "</testsuites>\n";
}

}  // namespace labctl::report
