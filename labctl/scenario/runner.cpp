#include "labctl/scenario/runner.hpp"

#include "labctl/report/test_results.hpp"
#include "labctl/scenario/discovery.hpp"
#include "labctl/scenario/step_runner.hpp"
#include "labctl/supervisor/launch.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/error.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <ostream>
#include <regex>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using report::Verdict;
using std::chrono::steady_clock;

constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kInvalid = 2;
constexpr int kNothingMatched = 4;
constexpr int kNotBuilt = 5;

std::atomic<int> stop_signal{0};

// First Ctrl-C: the step at hand ends, the lab is taken down, what ran is reported. The second has its
// default action: the keeper then takes the lab down.
class StopHandler {
 public:
  StopHandler() {
    stop_signal = 0;
    struct sigaction action {};
    action.sa_handler = [](int number) { stop_signal = number; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_int_);
    ::sigaction(SIGTERM, &action, &before_term_);
  }
  StopHandler(const StopHandler&) = delete;
  StopHandler& operator=(const StopHandler&) = delete;
  ~StopHandler() {
    ::sigaction(SIGINT, &before_int_, nullptr);
    ::sigaction(SIGTERM, &before_term_, nullptr);
  }

 private:
  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

std::chrono::microseconds since(steady_clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin);
}

std::regex compile(const std::string& flag, const std::string& text) {
  try {
    return std::regex(text);
  } catch (const std::regex_error&) {
    throw Error(ErrorKind::InvalidInput, flag + " " + text + ": no regular expression");
  }
}

std::vector<Scenario> choose(std::vector<Scenario> all, const TestOptions& options) {
  const std::regex run = compile("--run", options.run.empty() ? "." : options.run);
  const std::regex skip = compile("--skip", options.skip);
  std::erase_if(all, [&](const Scenario& scenario) {
    return !std::regex_search(scenario.document.name, run) ||
           (!options.skip.empty() && std::regex_search(scenario.document.name, skip));
  });
  return all;
}

// Unique on this host for as long as this process lives.
std::string lab_name(const Scenario& scenario) {
  constexpr size_t kNameMax = 40;
  std::string name = scenario.document.name.substr(0, kNameMax);
  for (char& c : name) {
    c = c == '.' ? '-' : c;
  }
  return name + "-" + std::to_string(::getpid());
}

Variables variables_of(const Scenario& scenario, const TestOptions& options) {
  Variables variables;
  const json vars = scenario.document.json["spec"].value("vars", json::object());
  for (const auto& [name, value] : vars.items()) {
    variables[name] = text_of(value);
  }
  for (const auto& [name, value] : options.set) {
    variables[name] = value;
  }
  return variables;
}

SourcePosition position_of(const manifest::Object& document, size_t step) {
  const auto found = document.positions.find("/spec/steps/" + std::to_string(step));
  return found != document.positions.end() ? found->second : document.where;
}

class Run {
 public:
  Run(const TestOptions& options, report::TestProgress& progress) : options_(options), progress_(progress) {}

  report::ScenarioResult run(const Scenario& scenario) {
    report::ScenarioResult result;
    result.name = scenario.document.name;
    result.file = scenario.document.where.file;
    const json labels = scenario.document.json["metadata"].value("labels", json::object());
    for (const auto& [key, value] : labels.items()) {
      result.labels[key] = text_of(value);
    }
    const auto begin = steady_clock::now();
    progress_.scenario_started(result);
    try {
      boot_and_run(scenario, result);
    } catch (const Error& error) {
      result.error = error.message();
      result.hint = error.hint();
    }
    result.elapsed = since(begin);
    progress_.scenario_finished(result);
    return result;
  }

 private:
  void boot_and_run(const Scenario& scenario, report::ScenarioResult& result) {
    supervisor::LaunchOptions launch;
    launch.lab = lab_name(scenario);
    launch.cluster = scenario.cluster;
    launch.objects = scenario.objects;
    const auto begin = steady_clock::now();
    supervisor::LaunchedLab lab = supervisor::launch(launch);
    result.boot = since(begin);
    run_steps(scenario, lab.name(), result);
    if (options_.keep_on_fail && result.verdict() != Verdict::Passed) {
      lab.commit();
      result.lab = lab.name();
    }
  }

  void run_steps(const Scenario& scenario, const std::string& lab, report::ScenarioResult& result) {
    api::Client client(supervisor::socket_path(lab));
    Context context{client, scenario.folder, stop_signal};
    const Variables variables = variables_of(scenario, options_);
    const json& steps = scenario.document.json["spec"]["steps"];
    for (size_t i = 0; i < steps.size(); ++i) {
      for (report::CheckResult& check :
           run_step(context, steps[i], position_of(scenario.document, i), variables)) {
        progress_.check_finished(result, check);
        result.checks.push_back(std::move(check));
      }
      // What follows stands on what came before.
      if (stop_signal != 0 || result.checks.back().verdict == Verdict::Broken) {
        return;
      }
    }
  }

  const TestOptions& options_;
  report::TestProgress& progress_;
};

void write_file(const std::string& path, const report::TestRun& run,
                void (*write)(std::ostream&, const report::TestRun&)) {
  if (path.empty()) {
    return;
  }
  std::ofstream file(path);
  write(file, run);
  file.flush();
  if (!file) {
    throw Error::from_errno(errno, "write " + path);
  }
}

int exit_code(const report::TestRun& run) {
  if (stop_signal != 0) {
    return 128 + stop_signal;
  }
  bool failed = false;
  for (const report::ScenarioResult& scenario : run.scenarios) {
    if (!scenario.error.empty()) {
      return kNotBuilt;
    }
    failed = failed || (scenario.verdict() != Verdict::Passed && scenario.verdict() != Verdict::Skipped);
  }
  return failed ? kFailed : kPassed;
}

}  // namespace

int run_tests(const TestOptions& options, std::ostream& out, std::ostream& err) {
  Discovered found = discover(options.paths);
  for (const Diagnostic& diagnostic : found.diagnostics) {
    err << to_string(diagnostic) << '\n';
  }
  if (has_errors(found.diagnostics)) {
    return kInvalid;
  }
  const std::vector<Scenario> scenarios = choose(std::move(found.scenarios), options);
  if (scenarios.empty()) {
    err << "error: no scenario matches\n";
    return kNothingMatched;
  }
  if (options.list) {
    for (const Scenario& scenario : scenarios) {
      out << scenario.document.name << '\n';
    }
    return kPassed;
  }

  const bool is_structured = options.output == "json";
  report::TestProgress progress(is_structured ? err : out, report::Palette(options.color), true,
                                options.verbose);
  report::TestRun run;
  run.started = std::chrono::system_clock::now();
  const auto begin = steady_clock::now();
  const StopHandler stop;
  Run runner(options, progress);
  for (const Scenario& scenario : scenarios) {
    try {
      run.scenarios.push_back(runner.run(scenario));
    } catch (const supervisor::Interrupted& interrupted) {
      stop_signal = interrupted.signal;
    }
    if (stop_signal != 0 || (options.fail_fast && run.scenarios.back().verdict() != Verdict::Passed)) {
      break;
    }
  }
  run.elapsed = since(begin);
  progress.run_finished(run);
  write_file(options.junit, run, report::write_junit);
  write_file(options.tap, run, report::write_tap);
  if (is_structured) {
    out << report::to_json(run).dump(2, ' ', false, json::error_handler_t::replace) << '\n';
  }
  return exit_code(run);
}

}  // namespace labctl::scenario
