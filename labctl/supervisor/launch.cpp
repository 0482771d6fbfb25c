#include "labctl/supervisor/launch.hpp"

#include "labctl/nameserver/named_files.hpp"
#include "labctl/supervisor/boot_report.hpp"
#include "labctl/supervisor/keeper.hpp"
#include "labctl/supervisor/registry.hpp"
#include "labctl/supervisor/take_down.hpp"
#include "topology/base/error.hpp"
#include "topology/base/signal_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

namespace labctl::supervisor {
namespace {

// While the lab boots: a Ctrl-C waits for nothing and leaves nothing.
constexpr std::array kStopSignals{SIGINT, SIGTERM};

// Reads the boot report to its end: the supervisor closes the pipe after one line, or dies.
std::string read_report(int report, const SignalFd& signals, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string text;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waits[] = {{report, POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    const int ready = ::poll(waits, 2, static_cast<int>(std::max<long long>(0, left.count())));
    if (ready == 0) {
      throw Error(ErrorKind::Timeout, "boot: not ready after " + std::to_string(timeout.count()) + " ms",
                  "give more time with --timeout");
    }
    if (const int signal = signals.take(); signal != 0) {
      throw Interrupted{signal};
    }
    if ((waits[0].revents & (POLLIN | POLLHUP)) != 0) {
      char piece[4096];
      const ssize_t size = ::read(report, piece, sizeof piece);
      if (size <= 0) {
        return text;
      }
      text.append(piece, static_cast<size_t>(size));
    }
  }
}

}  // namespace

LaunchedLab::LaunchedLab(std::string lab, pid_t keeper, UniqueFd commit, nlohmann::json status)
    : lab_(std::move(lab)), keeper_(keeper), commit_(std::move(commit)), status_(std::move(status)) {}

LaunchedLab::LaunchedLab(LaunchedLab&& other) noexcept
    : lab_(std::move(other.lab_)),
      keeper_(std::exchange(other.keeper_, -1)),
      commit_(std::move(other.commit_)),
      status_(std::move(other.status_)) {}

LaunchedLab::~LaunchedLab() { take_down(); }

void LaunchedLab::commit() {
  const char byte = 1;
  if (::write(commit_.get(), &byte, 1) != 1) {
    throw Error(ErrorKind::Kernel, "lab \"" + lab_ + "\": ended right after it was ready");
  }
  commit_.reset();
  keeper_ = -1;
}

void LaunchedLab::end_keeper() noexcept {
  commit_.reset();
  ::kill(keeper_, SIGCONT);  // one that was stopped would be waited for without end
  int status = 0;
  while (::waitpid(keeper_, &status, 0) < 0 && errno == EINTR) {
  }
}

void LaunchedLab::take_down() noexcept {
  if (keeper_ < 0) {
    return;
  }
  end_keeper();
  // What it left: how the lab ended, which is for who asks and not for who launched
  // it; or everything, when it was killed.
  bury(lab_, keeper_);
  keeper_ = -1;
}

Error LaunchedLab::why_not(const Error& failure) noexcept {
  // The report ends a moment before the supervisor does. To let go of the lab in between would make the
  // keeper take its end for one that was wanted.
  constexpr std::chrono::milliseconds kLastMoment{2000};
  const UniqueFd keeper = keeper_fd();
  pollfd ended{.fd = keeper.get(), .events = POLLIN, .revents = 0};
  ::poll(&ended, 1, static_cast<int>(kLastMoment.count()));
  end_keeper();
  std::optional<Error> why;
  try {
    if (const auto entry = find_lab(lab_); entry && entry->is_dead() && !entry->end.how.empty()) {
      why = Error(failure.kind(), "boot: " + story_of(lab_, entry->end));
    }
  } catch (const Error&) {
    // Then what is known already has to do.
  }
  bury(lab_, keeper_);
  keeper_ = -1;
  return why.value_or(failure);
}

UniqueFd LaunchedLab::keeper_fd() const {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, keeper_, 0)));
}

LaunchedLab launch(const LaunchOptions& options) {
  if (options.cluster.dns.enabled) {
    nameserver::check_named_is_installed();
  }
  const SignalFd signals(kStopSignals);
  KeeperSetup setup;
  setup.options = &options;
  setup.signals_before = signals.before();

  int report[2], commit[2];
  if (::pipe2(report, O_CLOEXEC) != 0 || ::pipe2(commit, O_CLOEXEC) != 0) {
    throw Error::from_errno(errno, "make a pipe");
  }
  const UniqueFd report_read(report[0]);
  UniqueFd commit_write(commit[1]);
  setup.report = UniqueFd(report[1]);
  setup.commit = UniqueFd(commit[0]);

  ::fflush(nullptr);
  const pid_t keeper = ::fork();
  if (keeper < 0) {
    throw Error::from_errno(errno, "start the lab's keeper");
  }
  if (keeper == 0) {
    commit_write.reset();
    keep_lab(std::move(setup));
  }
  setup = KeeperSetup{};
  LaunchedLab lab(options.lab, keeper, std::move(commit_write), {});
  const std::string text = read_report(report_read.get(), signals, options.timeout);
  const BootReport boot = parse_boot_report(text);
  if (boot.failure) {
    // It said why, or died without a word.
    if (text.empty()) {
      throw lab.why_not(*boot.failure);
    }
    lab.take_down();
    throw *boot.failure;
  }
  lab.set_status(boot.status);
  return lab;
}

}  // namespace labctl::supervisor
