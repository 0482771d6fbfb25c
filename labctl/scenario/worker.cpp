#include "labctl/scenario/worker.hpp"

#include "labctl/report/tests/test_results_json.hpp"
#include "topology/base/error.hpp"
#include "topology/base/process_end.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>

namespace labctl::scenario {
namespace {

using nlohmann::json;

void tell(int fd, const json& message) {
  const std::string line = message.dump() + "\n";
  for (size_t at = 0; at < line.size();) {
    const ssize_t size = ::write(fd, line.data() + at, line.size() - at);
    if (size < 0 && errno != EINTR) {
      ::_exit(1);  // nobody listens
    }
    at += static_cast<size_t>(std::max<ssize_t>(size, 0));
  }
}

[[noreturn]] void work(const Scenario& scenario, const RunOptions& options, int pipe, pid_t runner) {
  // A group of its own: the terminal's Ctrl-C goes to the runner, which knows what is to be done.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != runner) {
    ::_exit(1);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  Outcome outcome;
  try {
    outcome = run_scenario(scenario, options, [&](const report::CheckResult& check) {
      tell(pipe, {{"check", report::check_to_json(check)}});
    });
  } catch (const std::exception& error) {
    outcome.result = heading_of(scenario);
    outcome.result.error = std::string("internal: ") + error.what();
  }
  tell(pipe, {{"scenario", report::scenario_to_json(outcome.result)}, {"refused", outcome.is_refused}});
  ::_exit(0);
}

}  // namespace

Worker Worker::start(const Scenario& scenario, const RunOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Error::from_errno(errno, "make a pipe");
  }
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  ::fflush(nullptr);
  const pid_t runner = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    throw Error::from_errno(errno, "start a process for scenario " + scenario.name);
  }
  if (pid == 0) {
    read_end.reset();
    work(scenario, options, write_end.get(), runner);
  }
  return Worker(pid, std::move(read_end), heading_of(scenario));
}

bool Worker::take_in(const OnCheck& on_check) {
  char piece[16384];
  ssize_t size = 0;
  do {
    size = ::read(pipe_.get(), piece, sizeof piece);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) {
    return false;
  }
  unread_.append(piece, static_cast<size_t>(size));
  for (size_t end; (end = unread_.find('\n')) != std::string::npos; unread_.erase(0, end + 1)) {
    take_line(std::string_view(unread_).substr(0, end), on_check);
  }
  return true;
}

void Worker::take_line(std::string_view line, const OnCheck& on_check) {
  const json message = json::parse(line);
  if (message.contains("check")) {
    report::CheckResult check = report::check_from_json(message["check"]);
    on_check(check);
    heading_.checks.push_back(std::move(check));
    return;
  }
  outcome_.result = report::scenario_from_json(message["scenario"]);
  outcome_.is_refused = message["refused"].get<bool>();
  has_outcome_ = true;
}

Outcome Worker::finish(const std::string& why_killed) {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (!has_outcome_) {
    outcome_.result = std::move(heading_);
    outcome_.result.error =
        !why_killed.empty() ? why_killed : "the process that ran it ended with " + end_in_words(status);
  }
  return std::move(outcome_);
}

void Worker::signal(int number) const { ::kill(pid_, number); }

}  // namespace labctl::scenario
