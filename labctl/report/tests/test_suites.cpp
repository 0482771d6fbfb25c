#include "labctl/report/tests/test_suites.hpp"

#include "topology/base/printable.hpp"
#include "topology/base/process_end.hpp"

#include <set>

namespace labctl::report {
namespace {

std::string unique_name(const std::string& wanted, std::set<std::string>& taken) {
  const std::string plain = wanted.empty() ? "unnamed" : printable_line(wanted);
  std::string name = plain;
  for (int n = 2; !taken.insert(name).second; ++n) {
    name = plain + " (" + std::to_string(n) + ")";
  }
  return name;
}

// Nothing, if the checks say it all.
std::vector<TestCase> whole_of(const ScenarioResult& scenario) {
  TestCase whole;
  whole.check.name = "scenario";
  whole.check.elapsed = scenario.elapsed;
  if (!scenario.skipped.empty()) {
    whole.check.verdict = Verdict::Skipped;
    whole.check.message = scenario.skipped;
  } else if (!scenario.error.empty()) {
    whole.check.verdict = Verdict::Broken;
    whole.check.message = scenario.error;
    whole.check.details = scenario.hint.empty() ? "" : "hint: " + scenario.hint;
  } else if (scenario.is_flaky()) {
    whole.flaky = scenario.flaky;
  } else if (!scenario.checks.empty()) {
    return {};
  }
  return {whole};
}

TestSuite suite_of(const ScenarioResult& scenario, std::set<std::string>& taken) {
  TestSuite suite{scenario, {}};
  suite.scenario.name = unique_name(scenario.name, taken);
  for (const CheckResult& check : scenario.checks) {
    suite.cases.push_back({check, {}});
  }
  for (TestCase& whole : whole_of(scenario)) {
    suite.cases.push_back(std::move(whole));
  }
  std::set<std::string> names;
  for (TestCase& test_case : suite.cases) {
    test_case.check.name = unique_name(test_case.check.name, names);
  }
  return suite;
}

ScenarioResult run_as_scenario(const TestRun& run) {
  ScenarioResult whole;
  whole.name = "labctl";
  if (!run.residue.empty()) {
    CheckResult check;
    check.name = "nothing is left behind";
    check.verdict = Verdict::Failed;
    check.message = counted(run.residue.size(), "thing") + " left behind";
    for (const std::string& thing : run.residue) {
      check.details += (check.details.empty() ? "" : "\n") + thing;
    }
    whole.checks.push_back(check);
  }
  if (run.signal != 0) {
    CheckResult check;
    check.name = "the run comes to its end";
    check.verdict = Verdict::Broken;
    check.message = "ended early by " + signal_in_words(run.signal);
    whole.checks.push_back(check);
  }
  return whole;
}

}  // namespace

std::vector<TestSuite> test_suites(const TestRun& run) {
  std::vector<TestSuite> suites;
  std::set<std::string> taken;
  for (const ScenarioResult& scenario : run.scenarios) {
    suites.push_back(suite_of(scenario, taken));
  }
  if (const ScenarioResult whole = run_as_scenario(run); !whole.checks.empty()) {
    suites.push_back(suite_of(whole, taken));
  }
  return suites;
}

std::string counted(size_t n, std::string_view noun) {
  return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

}  // namespace labctl::report
