#include "tests/netns/kubelet/poll_loop.hpp"

#include <poll.h>

#include <algorithm>
#include <vector>

namespace labctl::kubelet::testing {

loop::EventLoop::Id PollLoop::call_after(std::chrono::milliseconds delay, std::function<void()> work) {
  timers_[next_] = {std::chrono::steady_clock::now() + delay, std::move(work)};
  return next_++;
}

loop::EventLoop::Id PollLoop::call_when_readable(int fd, std::function<void()> work) {
  watches_[next_] = {fd, std::move(work)};
  return next_++;
}

void PollLoop::cancel(Id id) {
  timers_.erase(id);
  watches_.erase(id);
}

bool PollLoop::run_until(const std::function<bool()>& is_done, std::chrono::milliseconds deadline) {
  const Time end = std::chrono::steady_clock::now() + deadline;
  while (!is_done()) {
    if (std::chrono::steady_clock::now() >= end) {
      return false;
    }
    turn(end);
  }
  return true;
}

void PollLoop::turn(Time until) {
  for (const auto& [id, timer] : timers_) {
    until = std::min(until, timer.first);
  }
  std::vector<pollfd> fds;
  std::vector<Id> ids;
  for (const auto& [id, watch] : watches_) {
    fds.push_back({watch.first, POLLIN, 0});
    ids.push_back(id);
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  ::poll(fds.data(), fds.size(), std::max(0, static_cast<int>(left.count())));
  for (std::size_t index = 0; index < fds.size(); ++index) {
    const auto watch = watches_.find(ids[index]);
    if (fds[index].revents != 0 && watch != watches_.end()) {
      const auto work = watch->second.second;
      work();
    }
  }
  const Time now = std::chrono::steady_clock::now();
  std::vector<Id> due;
  for (const auto& [id, timer] : timers_) {
    if (timer.first <= now) {
      due.push_back(id);
    }
  }
  for (const Id id : due) {
    if (const auto node = timers_.extract(id)) {
      node.mapped().second();
    }
  }
}

}  // namespace labctl::kubelet::testing
