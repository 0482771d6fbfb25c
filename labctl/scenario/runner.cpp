#include "labctl/scenario/runner.hpp"

#include "labctl/report/exit_code.hpp"
#include "labctl/report/tests/test_progress.hpp"
#include "labctl/report/tests/test_results.hpp"
#include "labctl/report/text/error_text.hpp"
#include "labctl/report/text/json_text.hpp"
#include "labctl/scenario/host_traces.hpp"
#include "labctl/scenario/report_file.hpp"
#include "labctl/scenario/schedule.hpp"
#include "topology/base/error.hpp"
#include "topology/base/printable.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using report::ScenarioResult;
using report::Verdict;
using std::chrono::steady_clock;

const std::string kStdout = "-";

std::filesystem::path history_file() {
  return state_folder().empty() ? std::filesystem::path() : state_folder() / "last-test.json";
}

// Names that failed in the last run of this user.
std::set<std::string> last_failed() {
  std::ifstream file(history_file());
  const json history = json::parse(file, nullptr, false);
  std::set<std::string> names;
  const json failed = history.is_object() ? history.value("failed", json::array()) : json::array();
  for (const json& name : failed) {
    names.insert(name.is_string() ? name.get<std::string>() : std::string());
  }
  return names;
}

// For --failed; a run that cannot be remembered is a run all the same.
void remember(const report::TestRun& run) {
  json failed = json::array();
  for (const ScenarioResult& scenario : run.scenarios) {
    if (scenario.verdict() == Verdict::Failed || scenario.verdict() == Verdict::Broken) {
      failed.push_back(scenario.name.substr(0, scenario.name.find('#')));
    }
  }
  if (history_file().empty()) {
    return;
  }
  std::error_code ignored;
  std::filesystem::create_directories(state_folder(), ignored);
  try {
    ReportFile(history_file()).write([&](std::ostream& out) {
      out << report::json_text({{"failed", failed}}) << '\n';
    });
  } catch (const Error&) {  // it is remembered for --failed only
  }
}

std::string left_of(const report::TestRun& run) {
  if (!run.residue.empty()) {
    return {};
  }
  const auto kept = std::count_if(run.scenarios.begin(), run.scenarios.end(),
                                  [](const ScenarioResult& scenario) { return !scenario.lab.empty(); });
  return kept == 0 ? "; no lab is left" : "; " + std::to_string(kept) + " kept, no other lab is left";
}

int exit_code(const report::TestRun& run, const ScheduleEnd& end, bool fail_on_flaky) {
  const auto any = [&](auto holds) { return std::any_of(run.scenarios.begin(), run.scenarios.end(), holds); };
  if (end.signal != 0) {
    return 128 + end.signal;
  }
  if (end.is_late) {
    return report::kTimedOut;
  }
  if (end.is_refused) {
    return report::kHost;
  }
  if (any([](const ScenarioResult& scenario) { return !scenario.error.empty(); })) {
    return report::kNotBuilt;
  }
  if (run.count(Verdict::Failed) + run.count(Verdict::Broken) > 0) {
    return report::kAssertionFailed;
  }
  if (!run.residue.empty()) {
    return report::kLeftBehind;
  }
  if (fail_on_flaky && any([](const ScenarioResult& scenario) { return !scenario.flaky.empty(); })) {
    return report::kFlaky;
  }
  return run.count(Verdict::Passed) == 0 ? report::kNothingMatched : report::kPassed;
}

// `path` "-": to stdout.
struct Report {
  std::string path;
  std::function<void(std::ostream&, const report::TestRun&)> write;
  ReportFile file{path == kStdout ? "" : path};
};

std::vector<Report> reports_of(const TestOptions& options) {
  std::vector<Report> reports;
  const auto add = [&](const std::string& path, auto write) {
    if (!path.empty()) {
      reports.push_back({path, write});
    }
  };
  add(options.junit, report::write_junit);
  add(options.tap, [version = options.tap_version](std::ostream& tap, const report::TestRun& run) {
    report::write_tap(tap, run, version);
  });
  add(options.jsonl, report::write_jsonl);
  add(options.code_quality, report::write_code_quality);
  return reports;
}

// One place takes one report: a second would end it, or stand in the midst of it.
void check_places(const TestOptions& options) {
  std::set<std::string> taken;
  if (options.output != "table") {
    taken.insert(kStdout);
  }
  for (const std::string& path : {options.junit, options.tap, options.jsonl, options.code_quality}) {
    if (!path.empty() && !taken.insert(path).second) {
      throw Error(ErrorKind::InvalidInput,
                  path == kStdout ? "two results for stdout" : "two reports for " + path,
                  path == kStdout ? "of --output json or jsonl and the reports to -, one"
                                  : "write them to two files");
    }
  }
}

bool is_on_stdout(const TestOptions& options) {
  return options.output != "table" || options.junit == kStdout || options.tap == kStdout ||
         options.jsonl == kStdout || options.code_quality == kStdout;
}

std::vector<Scenario> chosen(std::vector<Scenario> found, const TestOptions& options) {
  Selection selection = options.selection;
  if (options.failed) {
    selection.only = last_failed();
  }
  std::vector<Scenario> scenarios = select(std::move(found), selection);
  if (options.seed) {
    shuffle(scenarios, *options.seed);
  }
  return scenarios;
}

// What to say where nothing is left to run.
std::string why_none(const TestOptions& options) {
  return options.failed && last_failed().empty() ? "--failed: nothing failed in the last run"
                                                 : "no scenario matches";
}

std::string written(const Shard& shard) {
  return std::to_string(shard.index) + "/" + std::to_string(shard.total);
}

class TestCommand {
 public:
  TestCommand(const TestOptions& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err), reports_(reports_of(options)) {}

  int run(const std::vector<Scenario>& scenarios, const std::optional<Shard>& shard) {
    const bool is_structured = is_on_stdout(options_);
    report::TestProgress progress(is_structured ? err_ : out_, report::Palette(options_.color),
                                  {.style = style_of(scenarios.size(), is_structured),
                                   .verbose = options_.verbose,
                                   .width = static_cast<size_t>(std::max(1, options_.terminal_width))});
    if (!options_.until_fail) {
      progress.run_started(scenarios.size() * static_cast<size_t>(std::max(1, options_.repeat)));
    }
    report::TestRun run;
    run.started = std::chrono::system_clock::now();
    run.seed = options_.seed;
    run.shard = shard ? written(*shard) : "";
    const auto begin = steady_clock::now();
    const HostState before = read_host();
    const ScheduleHooks hooks{
        .started = [&](const ScenarioResult& scenario) { progress.scenario_started(scenario); },
        .checked = [&](const ScenarioResult& scenario,
                       const report::CheckResult& check) { progress.check_finished(scenario, check); },
        .finished = [&](const ScenarioResult& scenario) { progress.scenario_finished(scenario); },
        .note = [&](const std::string& text) { tell(text); }};
    ScheduleEnd end = scenarios.empty() ? ScheduleEnd{} : run_schedule(scenarios, options_, hooks);
    run.scenarios = std::move(end.results);
    run.residue = labs_left(end.labs);
    run.host = compare_hosts(before, read_host()) + left_of(run);
    run.signal = end.signal;
    run.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin);
    // A share of nothing is a share: the other machines run what there is.
    run.exit_code = scenarios.empty() ? int{report::kPassed} : exit_code(run, end, options_.fail_on_flaky);
    progress.run_finished(run);
    return report(run) || run.exit_code != report::kPassed ? run.exit_code : int{report::kNotWritten};
  }

 private:
  report::ProgressStyle style_of(size_t scenarios, bool is_structured) const {
    using report::ProgressStyle;
    if (scenarios == 1 || (options_.verbose && options_.jobs == 1)) {
      return ProgressStyle::Follow;
    }
    return options_.terminal_width > 0 && !is_structured ? ProgressStyle::Live : ProgressStyle::Dated;
  }

  void tell(const std::string& text) {
    err_ << "labctl: " << printable_line(text) << '\n';
    err_.flush();
  }

  // Whether all was written: one that cannot be keeps none of the others back.
  bool report(const report::TestRun& run) {
    remember(run);
    bool is_written = true;
    for (Report& report : reports_) {
      if (report.path == kStdout) {
        report.write(out_, run);
        continue;
      }
      try {
        report.file.write([&](std::ostream& out) { report.write(out, run); });
      } catch (const Error& error) {
        is_written = false;
        tell(error.message());
      }
    }
    if (options_.output == "json") {
      out_ << report::json_text(report::to_json(run), 2) << '\n';
    } else if (options_.output == "jsonl") {
      report::write_jsonl(out_, run);
    }
    const char* actions = std::getenv("GITHUB_ACTIONS");
    const bool is_github = actions != nullptr && std::string_view(actions) == "true";
    if (options_.annotations == "github" || (options_.annotations == "auto" && is_github)) {
      // The runner reads either stream; data stays alone on stdout.
      report::write_github_annotations(is_on_stdout(options_) ? err_ : out_, run);
    }
    out_.flush();
    return is_written;
  }

  const TestOptions& options_;
  std::ostream& out_;
  std::ostream& err_;
  std::vector<Report> reports_;
};

}  // namespace

int run_tests(const TestOptions& options, std::ostream& out, std::ostream& err) {
  check_places(options);
  const std::optional<Shard> shard =
      shard_of(options.shard, [](const char* name) { return std::getenv(name); });
  DiscoverOptions discovery;
  for (const auto& [name, value] : options.set) {
    discovery.variables.insert(name);
  }
  discovery.allows_remote_store = options.allows_remote_store;
  discovery.host_programs = options.host_programs;
  Discovered found = discover(options.paths, discovery);
  report::print_findings(err, found.diagnostics, options.verbose);
  if (has_errors(found.diagnostics)) {
    return report::kUsage;
  }
  std::vector<Scenario> scenarios = chosen(std::move(found.scenarios), options);
  if (scenarios.empty()) {
    err << "error: " << printable_line(why_none(options)) << '\n';
    return report::kNothingMatched;
  }
  if (shard) {
    scenarios = take_shard(std::move(scenarios), *shard);
  }
  if (scenarios.empty()) {
    err << "labctl: no scenario is left for shard " << written(*shard) << " ("
        << printable_line(shard->source) << "): the others run them\n";
  }
  if (options.list) {
    for (const Scenario& scenario : scenarios) {
      out << printable_line(scenario.name) << '\n';
    }
    return report::kPassed;
  }
  return TestCommand(options, out, err).run(scenarios, shard);
}

}  // namespace labctl::scenario
