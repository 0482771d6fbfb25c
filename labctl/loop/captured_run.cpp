#include "labctl/loop/captured_run.hpp"

#include "topology/base/current_exception.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace labctl::loop {

struct CapturedRuns::Run {
  kernel::ChildProcess child;
  EventLoop::Id watch = 0;
  EventLoop::Id timer = 0;
  bool is_late = false;
  std::string output;
  std::function<void(CapturedEnd)> done;
};

CapturedRuns::CapturedRuns(EventLoop& loop, kernel::Reaper& reaper) : loop_(loop), reaper_(reaper) {}

CapturedRuns::~CapturedRuns() {
  for (auto& [id, run] : runs_) {
    loop_.cancel(run->watch);
    loop_.cancel(run->timer);
    reaper_.forget(run->child.pid());
  }
}

void CapturedRuns::run(kernel::ProcessOptions options, std::chrono::milliseconds deadline,
                       std::function<void(CapturedEnd)> done) {
  if (runs_.size() >= kMaxRuns) {
    done({{}, "too many commands at once"});
    return;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    done({{}, std::string("make pipe: ") + std::strerror(errno)});
    return;
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  ::fcntl(theirs.get(), F_SETFL, 0);  // the program's own end blocks
  options.out = kernel::Stdio::from(theirs.get());
  options.err = kernel::Stdio::from(theirs.get());
  auto run = std::make_unique<Run>();
  try {
    run->child = kernel::spawn(options);
  } catch (...) {
    done({{}, words_of_current_exception()});
    return;
  }
  const std::uint64_t id = next_++;
  run->child.out = std::move(ours);
  run->done = std::move(done);
  run->watch = loop_.call_when_readable(run->child.out.get(), [this, id] { read(id); });
  run->timer = loop_.call_after(deadline, [this, id] {
    Run& late = *runs_.at(id);
    late.is_late = true;
    late.child.signal_group(SIGKILL);
  });
  reaper_.watch(run->child.pid(), [this, id](kernel::ExitStatus status) { finish(id, status); });
  runs_.emplace(id, std::move(run));
}

void CapturedRuns::read(std::uint64_t id) {
  Run& run = *runs_.at(id);
  std::array<char, 16384> buffer;
  for (ssize_t length; (length = ::read(run.child.out.get(), buffer.data(), buffer.size())) != 0;) {
    if (length < 0) {
      if (errno == EINTR) {
        continue;
      }
      return;  // nothing more for now
    }
    const std::size_t room = kMaxOutput - run.output.size();
    run.output.append(buffer.data(), std::min(room, static_cast<std::size_t>(length)));
  }
  loop_.cancel(std::exchange(run.watch, 0));  // the end of the output
}

void CapturedRuns::finish(std::uint64_t id, kernel::ExitStatus status) {
  read(id);
  const auto node = runs_.extract(id);
  Run& run = *node.mapped();
  loop_.cancel(run.watch);
  loop_.cancel(run.timer);
  run.child.release();
  CapturedEnd end{std::move(run.output), {}};
  if (run.is_late) {
    end.error = "timeout";
  } else if (status.signal != 0) {
    end.error = std::string("signal: ") + ::strsignal(status.signal);
  } else if (status.code != 0) {
    end.error = "exit status " + std::to_string(status.code);
  }
  run.done(std::move(end));
}

}  // namespace labctl::loop
