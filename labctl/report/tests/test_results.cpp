#include "labctl/report/tests/test_results.hpp"

#include "labctl/report/text/json_text.hpp"
#include "topology/base/timestamp.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>
#include <string_view>

namespace labctl::report {
namespace {

double milliseconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1000.0; }

void add_text(nlohmann::json& object, const char* field, const std::string& text) {
  if (!text.empty()) {
    object[field] = text;
  }
}

nlohmann::json check_summary_json(const CheckResult& check) {
  nlohmann::json out{{"name", check.name},
                     {"verdict", to_string(check.verdict)},
                     {"elapsedMs", milliseconds(check.elapsed)},
                     {"tries", check.tries}};
  add_text(out, "message", check.message);
  add_text(out, "details", check.details);
  if (!check.where.file.empty()) {
    out["file"] = check.where.file;
    out["line"] = check.where.line;
  }
  return out;
}

nlohmann::json scenario_summary_json(const ScenarioResult& scenario) {
  nlohmann::json checks = nlohmann::json::array();
  for (const CheckResult& check : scenario.checks) {
    checks.push_back(check_summary_json(check));
  }
  nlohmann::json out{{"name", scenario.name},
                     {"file", scenario.file},
                     {"labels", scenario.labels},
                     {"verdict", to_string(scenario.verdict())},
                     {"tries", scenario.tries},
                     {"bootMs", milliseconds(scenario.boot)},
                     {"elapsedMs", milliseconds(scenario.elapsed)},
                     {"checks", std::move(checks)}};
  add_text(out, "error", scenario.error);
  add_text(out, "hint", scenario.hint);
  add_text(out, "skipped", scenario.skipped);
  add_text(out, "lab", scenario.lab);
  add_text(out, "flaky", scenario.flaky);
  add_text(out, "evidence", scenario.evidence);
  add_text(out, "evidenceNote", scenario.evidence_note);
  return out;
}

nlohmann::json run_summary_json(const TestRun& run) {
  nlohmann::json out{{"passed", run.count(Verdict::Passed)}, {"failed", run.count(Verdict::Failed)},
                     {"broken", run.count(Verdict::Broken)}, {"skipped", run.count(Verdict::Skipped)},
                     {"flaky", run.count_flaky()},           {"exitCode", run.exit_code},
                     {"started", timestamp(run.started)},    {"elapsedMs", milliseconds(run.elapsed)}};
  add_text(out, "shard", run.shard);
  add_text(out, "host", run.host);
  if (run.seed) {
    out["seed"] = *run.seed;
  }
  if (!run.residue.empty()) {
    out["residue"] = run.residue;
  }
  if (run.signal != 0) {
    out["signal"] = run.signal;
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

bool ScenarioResult::is_flaky() const { return !flaky.empty() && verdict() == Verdict::Passed; }

int TestRun::count(Verdict verdict) const {
  return static_cast<int>(std::count_if(scenarios.begin(), scenarios.end(),
                                        [&](const ScenarioResult& s) { return s.verdict() == verdict; }));
}

int TestRun::count_flaky() const {
  return static_cast<int>(std::count_if(scenarios.begin(), scenarios.end(),
                                        [](const ScenarioResult& s) { return s.is_flaky(); }));
}

int TestRun::count_checks() const {
  size_t checks = 0;
  for (const ScenarioResult& scenario : scenarios) {
    checks += scenario.checks.size();
  }
  return static_cast<int>(checks);
}

nlohmann::json to_json(const TestRun& run) {
  nlohmann::json out = run_summary_json(run);
  out["scenarios"] = nlohmann::json::array();
  for (const ScenarioResult& scenario : run.scenarios) {
    out["scenarios"].push_back(scenario_summary_json(scenario));
  }
  return out;
}

void write_jsonl(std::ostream& out, const TestRun& run) {
  const auto line = [&](nlohmann::json event, const char* name) {
    event["event"] = name;
    out << json_text(event) << '\n';
  };
  for (const ScenarioResult& scenario : run.scenarios) {
    line(scenario_summary_json(scenario), "scenario");
  }
  nlohmann::json summary = run_summary_json(run);
  summary["scenarios"] = run.scenarios.size();
  summary["checks"] = run.count_checks();
  line(std::move(summary), "summary");
}

}  // namespace labctl::report
