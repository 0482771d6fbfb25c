#include "labctl/scenario/scenario_run.hpp"

#include "labctl/api/up_message.hpp"
#include "labctl/images/image_rules.hpp"
#include "labctl/scenario/evidence.hpp"
#include "labctl/scenario/step_runner.hpp"
#include "labctl/supervisor/launch.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"
#include "topology/base/excerpt.hpp"

#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <csignal>

namespace labctl::scenario {
namespace {

using nlohmann::json;
using report::Verdict;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of what a check showed, in reports.
constexpr size_t kDetailsMax = 64 * 1024;

std::atomic<int> stop_signal{0};

// The runner sends its signal again and again until this process has ended, and the timer fires again and
// again: one that comes just before a wait begins would else be missed.
constexpr long kTimerAgainUs = 250'000;

void watch_signals(milliseconds timeout) {
  stop_signal = 0;
  struct sigaction action {};
  action.sa_handler = [](int number) {
    int none = 0;
    stop_signal.compare_exchange_strong(none, number);
  };
  for (const int number : {SIGINT, SIGTERM, SIGALRM}) {
    ::sigaction(number, &action, nullptr);
  }
  const itimerval timer{{0, kTimerAgainUs}, {timeout.count() / 1000, timeout.count() % 1000 * 1000}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

// As `labctl up` by default.
constexpr milliseconds kReadyWithin{60'000};

std::chrono::microseconds since(steady_clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - begin);
}

Variables variables_of(const Scenario& scenario, const RunOptions& options) {
  Variables variables = scenario.variables;
  for (const auto& [name, value] : options.set) {
    variables[name] = value;
  }
  return variables;
}

SourcePosition position_of(const manifest::Object& document, size_t step) {
  const auto found = document.positions.find("/spec/steps/" + std::to_string(step));
  return found != document.positions.end() ? found->second : document.where;
}

class ScenarioRun {
 public:
  ScenarioRun(const Scenario& scenario, const RunOptions& options, const OnCheck& on_check)
      : scenario_(scenario), options_(options), on_check_(on_check), deadline_(begin_ + options.timeout) {}

  Outcome run() {
    watch_signals(options_.timeout);
    outcome_.result = heading_of(scenario_);
    try {
      boot_and_run();
    } catch (const supervisor::Interrupted& interrupted) {
      stop_signal = interrupted.signal;
    } catch (const Error& error) {
      // Cut off is not broken: the runner knows why.
      if (stop_signal == 0) {
        outcome_.result.error = error.message();
        outcome_.result.hint = error.hint();
        outcome_.is_refused = error.kind() == ErrorKind::Unsupported;
      }
    }
    if (stop_signal == SIGALRM) {
      report::CheckResult check = late();
      on_check_(check);
      outcome_.result.checks.push_back(std::move(check));
    }
    outcome_.result.elapsed = since(begin_);
    return std::move(outcome_);
  }

 private:
  void boot_and_run() {
    supervisor::LaunchOptions launch;
    launch.lab = options_.lab;
    launch.cluster = scenario_.cluster;
    for (const Diagnostic& mistake : images::find_images(launch.cluster, images::Effort::Unpack)) {
      throw Error(ErrorKind::InvalidInput, to_string(mistake));
    }
    launch.objects = scenario_.objects;
    launch.timeout = std::min(launch.timeout, options_.timeout);
    supervisor::LaunchedLab lab = supervisor::launch(launch);
    report::ScenarioResult& result = outcome_.result;
    result.boot = since(begin_);
    // No request has a limit of its own: thousands of probes take as long as they do, and the
    // scenario ends in time.
    api::Client client(supervisor::socket_path(lab.name()), options_.timeout);
    client.stop_when(stop_signal);
    if (is_ready(client)) {
      run_steps(client);
    }
    const bool is_cut_off = stop_signal == SIGINT || stop_signal == SIGTERM;
    if (result.verdict() == Verdict::Passed && stop_signal == 0) {
      return;
    }
    if (!options_.evidence.empty() && !is_cut_off) {
      collect_evidence(lab.name(), result, outputs_, {options_.evidence, options_.evidence_name});
    }
    if (options_.keep_on_fail && !is_cut_off) {
      lab.commit();
      result.lab = lab.name();
    }
  }

  // As `labctl up` waits: the first step finds every pod ready, unless the scenario wants to see them come.
  bool is_ready(api::Client& client) {
    const json& spec = scenario_.document.json["spec"];
    if (!spec.value("wait", true)) {
      return true;
    }
    const auto begin = steady_clock::now();
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - begin);
    const api::UpReply seen =
        api::wait_until_up(client, std::clamp(left, milliseconds(0), kReadyWithin), [](const auto&) {});
    if (seen.is_up) {
      return true;
    }
    report::CheckResult check;
    check.name = "every pod is ready";
    check.verdict = Verdict::Failed;
    check.message = "not ready: " + api::what_is_left(seen);
    for (const std::string& line : api::lines_of(seen)) {
      check.details += line + "\n";
    }
    check.details += "`wait: false` in the spec begins without them";
    check.where = scenario_.document.where;
    check.elapsed = since(begin);
    on_check_(check);
    outcome_.result.checks.push_back(std::move(check));
    return false;
  }

  void run_steps(api::Client& client) {
    Flows flows(supervisor::socket_path(client.lab()));
    Context context{client, scenario_.folder, stop_signal, deadline_, flows};
    context.ns = scenario_.document.json["spec"].value("namespace", "");
    const Variables variables = variables_of(scenario_, options_);
    const json& steps = scenario_.document.json["spec"]["steps"];
    for (size_t i = 0; i < steps.size(); ++i) {
      at_step_ = i;
      std::vector<report::CheckResult>& checks = outcome_.result.checks;
      for (report::CheckResult& check :
           run_step(context, steps[i], position_of(scenario_.document, i), variables)) {
        if (stop_signal != 0 && check.verdict != Verdict::Passed) {
          return;  // cut off: it says nothing about the lab
        }
        keep_whole(check);
        on_check_(check);
        checks.push_back(std::move(check));
      }
      // What follows stands on what came before.
      if (stop_signal != 0 || (!checks.empty() && checks.back().verdict == Verdict::Broken)) {
        return;
      }
    }
  }

  // Reports get the beginning and the end of a long output, the evidence gets all of it.
  void keep_whole(report::CheckResult& check) {
    if (check.details.size() <= kDetailsMax) {
      return;
    }
    std::string shown = excerpt(check.details, kDetailsMax);
    if (check.verdict != Verdict::Passed) {
      const std::string file = "outputs/" + std::to_string(outputs_.size() + 1) + ".txt";
      shown += "\n(all " + with_commas(check.details.size()) + " bytes are " + file + " of the evidence)";
      outputs_.push_back({file, std::move(check.details)});
    }
    check.details = std::move(shown);
  }

  report::CheckResult late() const {
    report::CheckResult check;
    check.name = "time limit";
    check.verdict = Verdict::Failed;
    const json& steps = scenario_.document.json["spec"]["steps"];
    check.message = "not done within " + to_string(std::chrono::microseconds(options_.timeout)) +
                    ", at step \"" + text_of(steps[at_step_]["name"]) + "\"";
    check.details = "spec.timeout or --timeout gives it longer";
    check.where = position_of(scenario_.document, at_step_);
    check.elapsed = since(begin_);
    return check;
  }

  const Scenario& scenario_;
  const RunOptions& options_;
  const OnCheck& on_check_;
  const steady_clock::time_point begin_ = steady_clock::now();
  const steady_clock::time_point deadline_;
  size_t at_step_ = 0;
  std::vector<LongOutput> outputs_;
  Outcome outcome_;
};

}  // namespace

Outcome run_scenario(const Scenario& scenario, const RunOptions& options, const OnCheck& on_check) {
  return ScenarioRun(scenario, options, on_check).run();
}

}  // namespace labctl::scenario
