#include "labctl/scenario/schedule.hpp"

#include "labctl/scenario/needs.hpp"
#include "labctl/scenario/worker.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"
#include "topology/base/signal_fd.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <list>
#include <thread>

namespace labctl::scenario {
namespace {

using report::ScenarioResult;
using report::Verdict;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kUsualTimeout{300'000};
// A worker takes its lab down and reports within this time after its own is over; one that does not is
// killed, and its lab with it.
constexpr milliseconds kGrace{10'000};
constexpr milliseconds kSignalAgain{250};

// Workers start with none blocked.
constexpr std::array kRunnerSignals{SIGINT, SIGTERM};

// A DNS label, unique on this host for as long as this process lives.
std::string lab_name(const std::string& scenario, int serial) {
  constexpr size_t kNameMax = 40;
  std::string name;
  for (const char c : scenario.substr(0, kNameMax)) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    name += (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ? lower : '-';
  }
  return name + "-" + std::to_string(::getpid()) + "-" + std::to_string(serial);
}

bool is_good(const ScenarioResult& result) {
  return result.verdict() == Verdict::Passed || result.verdict() == Verdict::Skipped;
}

// Why it failed, one line.
std::string reason_of(const ScenarioResult& result) {
  if (!result.error.empty()) {
    return result.error;
  }
  for (const report::CheckResult& check : result.checks) {
    if (check.verdict != Verdict::Passed) {
      return check.name + ": " + check.message;
    }
  }
  return {};
}

class Schedule {
 public:
  Schedule(const std::vector<Scenario>& scenarios, const TestOptions& options, const ScheduleHooks& hooks)
      : scenarios_(scenarios), options_(options), hooks_(hooks) {
    const auto cpus = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    jobs_ = static_cast<size_t>(options.jobs > 0 ? options.jobs : cpus);
    if (options.total_timeout.count() > 0) {
      end_of_all_ = steady_clock::now() + options.total_timeout;
    }
  }

  ScheduleEnd run() {
    const int rounds = options_.until_fail && options_.repeat == 1 ? INT_MAX : std::max(1, options_.repeat);
    for (int round = 1; round <= rounds && !is_stopping_; ++round) {
      for (size_t i = 0; i < scenarios_.size(); ++i) {
        queue_.push_back({i, scenarios_[i].name + (round > 1 ? "#" + std::to_string(round) : ""), 1, {}});
      }
      if (options_.until_fail) {
        run_all();
        is_stopping_ = is_stopping_ || has_failed_;
      }
    }
    run_all();
    collect();
    return std::move(end_);
  }

 private:
  struct Job {
    size_t index = 0;
    std::string name;
    int tries = 1;
    std::string flaky;  // why the try before failed
  };
  struct Running {
    Job job;
    std::string lab;
    ScenarioResult heading;
    Worker worker;
    milliseconds timeout;
    steady_clock::time_point kill_at;
    std::string why_killed;  // by us
  };

  void run_all() {
    while (!running_.empty() || (!queue_.empty() && !is_stopping_)) {
      while (running_.size() < jobs_ && !queue_.empty() && !is_stopping_) {
        const Job job = queue_.front();
        queue_.pop_front();
        start(job);
      }
      if (!running_.empty()) {
        wait();
      }
    }
    queue_.clear();
  }

  void start(const Job& job) {
    const Scenario& scenario = scenarios_[job.index];
    ScenarioResult heading = heading_of(scenario);
    heading.name = job.name;
    heading.tries = job.tries;
    if (const std::string lack = features_.unmet(scenario); !lack.empty()) {
      hooks_.started(heading);
      if (options_.no_skip) {
        report::CheckResult check;
        check.name = "needs";
        check.verdict = Verdict::Failed;
        check.message = lack;
        check.where = scenario.document.where;
        hooks_.checked(heading, check);
        heading.checks.push_back(std::move(check));
      } else {
        heading.skipped = lack;
      }
      done(job, std::move(heading));
      return;
    }
    RunOptions run;
    run.lab = lab_name(scenario.name, ++serial_);
    run.set = options_.set;
    run.timeout = timeout_of(scenario);
    run.keep_on_fail = options_.keep_on_fail;
    run.evidence = evidence_root();
    run.evidence_name = job.name;
    std::replace(run.evidence_name.begin(), run.evidence_name.end(), '/', '_');
    end_.labs.insert(run.lab);
    hooks_.started(heading);
    running_.push_back({job,
                        run.lab,
                        std::move(heading),
                        Worker::start(scenario, run),
                        run.timeout,
                        steady_clock::now() + run.timeout + kGrace,
                        {}});
  }

  milliseconds timeout_of(const Scenario& scenario) const {
    const auto& spec = scenario.document.json["spec"];
    const auto text = spec.value("timeout", std::string());
    const auto own = parse_duration(text);
    if (own) {
      return std::chrono::duration_cast<milliseconds>(*own);
    }
    return options_.timeout.count() > 0 ? options_.timeout : kUsualTimeout;
  }

  std::filesystem::path evidence_root() const {
    return !options_.evidence.empty() ? std::filesystem::path(options_.evidence)
           : state_folder().empty()   ? std::filesystem::path()
                                      : state_folder() / "evidence";
  }

  void wait() {
    std::vector<pollfd> waits{{signals_.fd(), POLLIN, 0}};
    auto due = end_of_all_;
    for (const Running& running : running_) {
      waits.push_back({running.worker.fd(), POLLIN, 0});
      due = std::min(due, running.kill_at);
    }
    if (is_stopping_now_) {
      due = std::min(due, steady_clock::now() + kSignalAgain);
    }
    const auto left = std::chrono::ceil<milliseconds>(due - steady_clock::now());
    ::poll(waits.data(), waits.size(), static_cast<int>(std::clamp<long long>(left.count(), 0, INT_MAX)));
    if (const int number = signals_.take(); number != 0) {
      on_signal(number);
    }
    on_time();
    size_t at = 1;
    for (auto running = running_.begin(); running != running_.end(); ++at) {
      const bool has_ended = (waits[at].revents & (POLLIN | POLLHUP)) != 0 &&
                             !running->worker.take_in([&](const report::CheckResult& check) {
                               hooks_.checked(running->heading, check);
                             });
      if (!has_ended) {
        ++running;
        continue;
      }
      Running ended = std::move(*running);
      running = running_.erase(running);
      finish(std::move(ended));
    }
  }

  // First: an orderly end. Then: at once; the labs go with their workers.
  void on_signal(int number) {
    if (end_.signal == 0) {
      end_.signal = number;
      hooks_.note("stopping: " + std::to_string(running_.size()) +
                  (running_.size() == 1 ? " lab is" : " labs are") +
                  " taken down; once more to stop at once");
      stop_all();
      return;
    }
    for (Running& running : running_) {
      end_now(running, "stopped at once");
    }
  }

  void stop_all() {
    is_stopping_ = is_stopping_now_ = true;
    for (Running& running : running_) {
      running.worker.signal(SIGINT);
      running.kill_at = std::min(running.kill_at, steady_clock::now() + kGrace);
    }
  }

  void on_time() {
    const auto now = steady_clock::now();
    if (now >= end_of_all_) {
      end_of_all_ = steady_clock::time_point::max();
      end_.is_late = true;
      hooks_.note("stopping: the time for all scenarios is over");
      stop_all();
    }
    for (Running& running : running_) {
      if (now >= running.kill_at) {
        end_now(running,
                (is_stopping_now_ ? std::string("cut off") : "not done within " + shown(running.timeout)) +
                    ", and not ended " + shown(kGrace) + " later: its process was killed");
      } else if (is_stopping_now_) {
        running.worker.signal(SIGINT);  // it may have come just before a wait began
      }
    }
  }

  static std::string shown(milliseconds time) { return to_string(std::chrono::microseconds(time)); }

  static void end_now(Running& running, const std::string& why) {
    if (running.why_killed.empty()) {
      running.why_killed = why;
    }
    running.worker.signal(SIGKILL);
  }

  void finish(Running ended) {
    Outcome outcome = ended.worker.finish(ended.why_killed);
    ScenarioResult result = std::move(outcome.result);
    result.name = ended.job.name;
    result.tries = ended.job.tries;
    end_.is_refused = end_.is_refused || outcome.is_refused;
    if (!result.lab.empty()) {
      end_.labs.erase(ended.lab);
    }
    if (is_stopping_now_ && is_good(result)) {
      result.skipped = "cut off";  // not all of its steps were taken
    }
    done(ended.job, std::move(result));
  }

  void done(const Job& job, ScenarioResult result) {
    if (!is_good(result) && job.tries <= options_.retries && !is_stopping_) {
      hooks_.note(result.name + " failed, tried again: " + reason_of(result));
      queue_.push_front({job.index, job.name, job.tries + 1, reason_of(result)});
      return;
    }
    if (result.verdict() == Verdict::Passed) {
      result.flaky = job.flaky;
    }
    if (!is_good(result)) {
      has_failed_ = true;
      is_stopping_ = is_stopping_ || options_.fail_fast || end_.is_refused;
    }
    hooks_.finished(result);
    results_.push_back({job.index, std::move(result)});
  }

  void collect() {
    std::stable_sort(results_.begin(), results_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [index, result] : results_) {
      end_.results.push_back(std::move(result));
    }
  }

  const std::vector<Scenario>& scenarios_;
  const TestOptions& options_;
  const ScheduleHooks& hooks_;
  size_t jobs_ = 1;
  SignalFd signals_{kRunnerSignals};
  HostFeatures features_;
  std::deque<Job> queue_;
  std::list<Running> running_;
  std::vector<std::pair<size_t, ScenarioResult>> results_;
  steady_clock::time_point end_of_all_ = steady_clock::time_point::max();
  int serial_ = 0;
  bool has_failed_ = false;
  bool is_stopping_ = false;      // nothing new begins
  bool is_stopping_now_ = false;  // and what runs is cut off
  ScheduleEnd end_;
};

}  // namespace

ScheduleEnd run_schedule(const std::vector<Scenario>& scenarios, const TestOptions& options,
                         const ScheduleHooks& hooks) {
  return Schedule(scenarios, options, hooks).run();
}

std::filesystem::path state_folder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') {
    return std::filesystem::path(state) / "labctl";
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && *home == '/' ? std::filesystem::path(home) / ".local/state/labctl"
                                         : std::filesystem::path();
}

}  // namespace labctl::scenario
