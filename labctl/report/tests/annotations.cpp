#include "labctl/report/tests/test_results.hpp"
#include "labctl/report/tests/test_suites.hpp"
#include "labctl/report/text/json_text.hpp"
#include "topology/base/printable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <set>
#include <string>
#include <string_view>

// Findings where people review: workflow commands of GitHub Actions
// (https://docs.github.com/actions/reference/workflow-commands-for-github-actions) and the Code Quality
// report of GitLab (https://docs.gitlab.com/ci/testing/code_quality/).

namespace labctl::report {
namespace {

bool is_bad(Verdict verdict) { return verdict == Verdict::Failed || verdict == Verdict::Broken; }

// Properties end at a comma and their list at a colon.
std::string annotation_escaped(std::string_view text, bool property) {
  std::string escaped;
  for (const char c : printable(text)) {
    switch (c) {
      case '%':
        escaped += "%25";
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
}

void write_annotation(std::ostream& out, std::string_view command, const SourcePosition& where,
                      const std::string& title, const std::string& message) {
  out << "::" << command << ' ';
  if (!where.file.empty()) {
    out << "file=" << annotation_escaped(where.file, true) << ',';
    if (where.line > 0) {
      out << "line=" << where.line << ',';
    }
  }
  out << "title=" << annotation_escaped(title, true) << "::" << annotation_escaped(message, false) << '\n';
}

// FNV-1a: the same in every run and build. A NUL stands between the parts, which no part holds.
std::string fingerprint_of(std::initializer_list<std::string_view> parts) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&](unsigned char byte) {
    hash ^= byte;
    hash *= 0x100000001b3ULL;
  };
  for (const std::string_view part : parts) {
    for (const char c : part) {
      add(static_cast<unsigned char>(c));
    }
    add(0);
  }
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

struct Finding {
  std::string kind;      // failed, broken, flaky, residue
  std::string severity;  // as GitLab has them: info, minor, major, critical, blocker
  std::string scenario;
  std::string check;
  std::string message;
  SourcePosition where;
};

nlohmann::json finding_json(const Finding& finding) {
  std::string path = finding.where.file.empty() ? "." : printable_line(finding.where.file);
  while (path.starts_with("./")) {  // GitLab compares with paths of the repository
    path.erase(0, 2);
  }
  std::string description = finding.scenario + ": " + finding.check;
  if (!finding.message.empty()) {
    description += ": " + finding.message;
  }
  return {{"description", printable_line(description)},
          {"check_name", "labctl-" + finding.kind},
          {"fingerprint", fingerprint_of({finding.kind, finding.scenario, finding.check})},
          {"severity", finding.severity},
          {"location", {{"path", path}, {"lines", {{"begin", std::max(1, finding.where.line)}}}}}};
}

}  // namespace

void write_github_annotations(std::ostream& out, const TestRun& run) {
  for (const ScenarioResult& scenario : run.scenarios) {
    const SourcePosition whole{scenario.file, 0, 0};
    for (const CheckResult& check : scenario.checks) {
      if (is_bad(check.verdict)) {
        write_annotation(out, "error", check.where.file.empty() ? whole : check.where,
                         scenario.name + ": " + check.name,
                         check.message.empty() ? std::string(to_string(check.verdict)) : check.message);
      }
    }
    if (!scenario.error.empty()) {
      write_annotation(out, "error", whole, scenario.name, scenario.error);
    } else if (scenario.is_flaky()) {
      write_annotation(out, "warning", whole, scenario.name + ": flaky",
                       "passed on try " + std::to_string(scenario.tries) + "; before: " + scenario.flaky);
    }
  }
  for (const std::string& thing : run.residue) {
    write_annotation(out, "error", {}, "labctl: left behind", thing);
  }
}

void write_code_quality(std::ostream& out, const TestRun& run) {
  nlohmann::json findings = nlohmann::json::array();
  TestRun only_scenarios;
  only_scenarios.scenarios = run.scenarios;
  for (const TestSuite& suite : test_suites(only_scenarios)) {
    for (const TestCase& test_case : suite.cases) {
      const CheckResult& check = test_case.check;
      const SourcePosition where =
          check.where.file.empty() ? SourcePosition{suite.scenario.file, 0, 0} : check.where;
      if (is_bad(check.verdict)) {
        const bool failed = check.verdict == Verdict::Failed;
        findings.push_back(finding_json({failed ? "failed" : "broken", failed ? "major" : "critical",
                                         suite.scenario.name, check.name, check.message, where}));
      } else if (!test_case.flaky.empty()) {
        findings.push_back(
            finding_json({"flaky", "minor", suite.scenario.name, check.name, test_case.flaky, where}));
      }
    }
  }
  // Of no file; the merge request shows a finding only with one.
  const std::string file = run.scenarios.empty() ? "" : run.scenarios.front().file;
  for (const std::string& thing : std::set<std::string>(run.residue.begin(), run.residue.end())) {
    findings.push_back(finding_json({"residue", "major", "labctl", "left behind", thing, {file, 0, 0}}));
    findings.back()["fingerprint"] = fingerprint_of({"residue", thing});
  }
  out << json_text(findings, 2) << '\n';
}

}  // namespace labctl::report
