#include "tests/unit/labctl/report/sample_run.hpp"

namespace labctl::report {

using namespace std::chrono_literals;

CheckResult sample_check(const std::string& name, std::chrono::microseconds elapsed) {
  CheckResult out;
  out.name = name;
  out.elapsed = elapsed;
  return out;
}

TestRun sample_run() {
  CheckResult bad = sample_check("nobody <notices>", 3s);
  bad.verdict = Verdict::Failed;
  bad.message = "wanted ok, seen timeout";
  bad.details = "hop 3\nhop \x01 4";
  bad.where = {"s.yaml", 21, 3};
  bad.tries = 4;
  ScenarioResult failing;
  failing.name = "endpoints-move";
  failing.file = "s.yaml";
  failing.labels = {{"topic", "services"}};
  failing.checks = {sample_check("every backend answers", 41ms), bad};
  failing.boot = 213ms;
  failing.elapsed = 5200ms;
  ScenarioResult broken;
  broken.name = "no-lab";
  broken.file = "t.yaml";
  broken.error = "boot: timed out";
  broken.hint = "more time";
  ScenarioResult skipped;
  skipped.name = "later";
  skipped.skipped = "needs VXLAN";
  TestRun run;
  run.scenarios = {failing, broken, skipped};
  run.elapsed = 6s;
  return run;
}

TestRun passing_run() {
  ScenarioResult steady;
  steady.name = "steady";
  steady.file = "./steady/scenario.yaml";
  steady.checks = {sample_check("answers", 2ms), sample_check("answers", 3ms)};
  steady.elapsed = 10ms;
  ScenarioResult shaky = steady;
  shaky.name = "shaky";
  shaky.file = "shaky/scenario.yaml";
  shaky.tries = 3;
  shaky.flaky = "answers: wanted ok, seen timeout";
  shaky.evidence = "evidence/shaky";
  TestRun run;
  run.scenarios = {steady, shaky};
  run.seed = 42;
  run.shard = "2/5";
  run.elapsed = 20ms;
  return run;
}

TestRun hostile_run() {
  std::string text = "]]> \" ' <b> & # SKIP \\# \n...\n  ---\nnot ok 1\nBail out! %0A::error,:: ";
  for (int c = 1; c < 256; ++c) {
    text += static_cast<char>(c);
  }
  text += "\xed\xa0\x80\xef\xbf\xbf\xf5\x80\x80\x80 \xc2\x9b \xf0\x9f\x98\x80 \\";
  CheckResult check = sample_check(text);
  check.verdict = Verdict::Failed;
  check.message = check.details = check.explanation = text;
  check.where = {text, 1, 1};
  ScenarioResult scenario;
  scenario.name = scenario.file = scenario.evidence = text;
  scenario.labels = {{text, text}};
  scenario.checks = {check, check};
  scenario.error = scenario.hint = text;
  ScenarioResult flaky = scenario;
  flaky.checks = {};
  flaky.error = "";
  flaky.flaky = text;
  ScenarioResult skipped = flaky;
  skipped.skipped = text;
  TestRun run;
  run.scenarios = {scenario, flaky, skipped};
  run.shard = run.host = text;
  run.residue = {text};
  return run;
}

}  // namespace labctl::report
