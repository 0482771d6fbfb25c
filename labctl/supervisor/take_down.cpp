#include "labctl/supervisor/take_down.hpp"

#include "labctl/api/client.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/error.hpp"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>
#include <vector>

namespace labctl::supervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long each way of asking may take; all of it fits into the timeout, however short that is.
struct Patience {
  milliseconds answer;   // to the request
  milliseconds orderly;  // from an answer to the end
  milliseconds signal;   // from SIGTERM to the end
  milliseconds keeper;   // from the supervisor's end to the keeper's
};

Patience patience_within(milliseconds timeout) {
  return {.answer = std::min(milliseconds(500), timeout / 4),
          .orderly = std::min(milliseconds(500), timeout / 4),
          .signal = std::min(milliseconds(250), timeout / 8),
          .keeper = std::min(milliseconds(500), timeout / 8)};
}

// The lab that was up when this began. Another of its name may come while this one goes.
class GoingLab {
 public:
  explicit GoingLab(std::string name) : name_(std::move(name)) { look(); }

  // Whether it has ended and its folder is removed, by its keeper or here.
  bool is_gone() {
    if (!look()) {
      return mark_ || !find_lab(name_) || remove_dead(name_);
    }
    // Without a keeper nobody else removes the folder. Before the supervisor's very end the kernel is still
    // ending what the lab ran.
    return !is_running(supervisor_) && remove_dead(name_);
  }

  bool wait_gone(steady_clock::time_point until) {
    while (!is_gone()) {
      if (steady_clock::now() >= until) {
        return false;
      }
      wait_for_a_change(until);
    }
    return true;
  }

  // Until the supervisor has ended, at most.
  void wait_supervisor(steady_clock::time_point until) {
    while (is_running(supervisor_) && steady_clock::now() < until) {
      wait_for_a_change(until);
    }
  }

  bool has_supervisor() const { return static_cast<bool>(supervisor_); }
  void signal_supervisor(int number) const { send_signal(supervisor_, number); }
  void signal_keeper(int number) const { send_signal(keeper_, number); }

 private:
  static bool is_running(const UniqueFd& process) {
    pollfd entry{.fd = process.get(), .events = POLLIN, .revents = 0};
    return process && ::poll(&entry, 1, 0) == 0;
  }

  // Learns whom there is to end; false when the lock is no longer this lab's.
  bool look() {
    const std::optional<LockRecord> record = find_record(name_);
    if (!record) {
      return is_running(supervisor_) || is_running(keeper_);
    }
    if (!record->keeper) {
      return true;  // it has only just been claimed
    }
    if (!mark_) {
      mark_ = record->keeper;
      keeper_ = open_process(mark_);
    }
    if (record->keeper != mark_) {
      return false;
    }
    if (!supervisor_) {
      supervisor_ = open_process(record->supervisor);
    }
    return true;
  }

  // A process that ends is noticed at once. A lock that is given back tells nobody, so it is looked at again.
  void wait_for_a_change(steady_clock::time_point until) const {
    constexpr milliseconds kLookAgain{10};
    std::vector<pollfd> running;
    for (const UniqueFd* process : {&keeper_, &supervisor_}) {
      if (is_running(*process)) {
        running.push_back({.fd = process->get(), .events = POLLIN, .revents = 0});
      }
    }
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    const auto wait = std::clamp(left, milliseconds(1), kLookAgain);
    ::poll(running.data(), running.size(), static_cast<int>(wait.count()));
  }

  std::string name_;
  ProcessMark mark_;  // of the keeper: tells this lab from the next one of its name
  UniqueFd keeper_;
  UniqueFd supervisor_;
};

// Whether it answered that it will end.
bool ask_to_end(const std::string& lab, milliseconds patience) {
  try {
    api::Client(socket_path(lab), patience).post("/lab/v1/shutdown", "");
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Permission) {
      throw;  // it is another user's lab that answers
    }
    return false;
  }
}

// True when the lab is gone.
bool end_lab(GoingLab& lab, const std::string& name, milliseconds timeout) {
  const Patience patience = patience_within(timeout);
  const auto deadline = steady_clock::now() + timeout;
  const auto in = [&](milliseconds time) { return std::min(steady_clock::now() + time, deadline); };
  const bool answered = ask_to_end(name, patience.answer);
  if (lab.wait_gone(in(answered ? patience.orderly : milliseconds(0)))) {
    return true;
  }
  lab.signal_supervisor(SIGTERM);
  if (lab.has_supervisor() && !answered && lab.wait_gone(in(patience.signal))) {
    return true;
  }
  lab.signal_supervisor(SIGKILL);
  lab.signal_keeper(SIGCONT);
  // The kernel takes its time to end a big lab, and the keeper waits for that rightly.
  lab.wait_supervisor(deadline - patience.keeper);
  if (lab.wait_gone(in(patience.keeper))) {
    return true;
  }
  lab.signal_keeper(SIGKILL);
  lab.signal_supervisor(SIGKILL);
  // One that is half-made has processes that stand nowhere yet; they hold the lock all the same.
  kill_holders(name);
  return lab.wait_gone(deadline);
}

}  // namespace

TakenDown take_down(const std::string& lab, milliseconds timeout) {
  const std::optional<LabEntry> entry = find_lab(lab);
  if (!entry) {
    throw Error(ErrorKind::NotFound, "lab \"" + lab + "\" is not up", "`labctl ls` shows the labs that are");
  }
  if (!entry->is_alive && remove_dead(lab)) {
    return TakenDown::WasDead;
  }
  GoingLab going(lab);
  if (!end_lab(going, lab, timeout)) {
    throw Error(
        ErrorKind::Timeout,
        "lab \"" + lab + "\": still ending after " + labctl::to_string(std::chrono::microseconds(timeout)),
        "its processes have been killed: the kernel ends them when it can; `labctl gc` removes "
        "the folder");
  }
  return TakenDown::WasUp;
}

void bury(const std::string& lab, pid_t keeper) noexcept {
  constexpr std::chrono::seconds kPatience{10};
  try {
    if (const auto record = find_record(lab); record && record->keeper.pid == keeper) {
      GoingLab going(lab);
      going.signal_supervisor(SIGKILL);  // it has been sent by the kernel, when the keeper ended
      going.wait_gone(steady_clock::now() + kPatience);
    }
  } catch (const Error&) {
    // The folder stays, for `gc`.
  }
}

}  // namespace labctl::supervisor
