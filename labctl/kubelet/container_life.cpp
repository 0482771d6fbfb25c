#include "labctl/kubelet/container_life.hpp"

#include "topology/base/duration.hpp"

#include <algorithm>
#include <utility>

namespace labctl::kubelet {
namespace {

using Kind = ContainerState::Kind;

// What container runtimes report when the program could not be started at all.
constexpr int kStartErrorCode = 128;

ContainerState waiting(std::string reason, std::string message = {}) {
  ContainerState state;
  state.kind = Kind::Waiting;
  state.reason = std::move(reason);
  state.message = std::move(message);
  return state;
}

bool succeeded(const ContainerState& state) { return state.kind == Kind::Terminated && state.exit_code == 0; }

}  // namespace

ContainerLife::ContainerLife(const model::Pod& pod, const Clock& clock)
    : clock_(clock),
      policy_(pod.restart_policy),
      pod_(pod.key.name + "_" + pod.key.ns + "(" + pod.uid + ")"),
      init_count_(pod.init_containers.size()) {
  const auto add = [this](const model::Container& container) {
    Item item;
    item.status.name = container.name;
    item.status.image = container.image;
    // What kubectl shows of a pod that has just been placed.
    item.status.state = waiting(init_count_ > 0 ? "PodInitializing" : "ContainerCreating");
    item.has_startup_probe = container.startup_probe.has_value();
    item.has_readiness_probe = container.readiness_probe.has_value();
    item.is_sidecar = container.is_sidecar;
    items_.push_back(std::move(item));
  };
  std::for_each(pod.init_containers.begin(), pod.init_containers.end(), add);
  std::for_each(pod.containers.begin(), pod.containers.end(), add);
}

// An init container after the one before it has succeeded, the others after all of them. The kubelet starts them
// one after the other, and each start takes until the postStart hook has ended.
bool ContainerLife::has_turn(std::size_t index) const {
  for (std::size_t before = 0; before < index; ++before) {
    if (items_[before].is_launching || (is_init(before) && !lets_others_begin(before))) {
      return false;
    }
  }
  return true;
}

bool ContainerLife::lets_others_begin(std::size_t index) const {
  const Item& item = items_[index];
  return item.is_sidecar ? item.has_been_up : succeeded(item.status.state);
}

bool ContainerLife::may_start_later(std::size_t index) const {
  const Item& item = items_[index];
  return !stopping_ && !is_finishing_ && !is_held_ && !item.is_blocked && !item.is_over &&
         !item.is_launching && item.status.state.kind != Kind::Running && !(item.is_sidecar && is_over()) &&
         has_turn(index);
}

std::vector<std::size_t> ContainerLife::due() const {
  const SteadyTime now = clock_.now();
  std::vector<std::size_t> indexes;
  for (std::size_t index = 0; index < items_.size(); ++index) {
    if (may_start_later(index) && items_[index].not_before <= now) {
      indexes.push_back(index);
    }
  }
  return indexes;
}

std::optional<ContainerLife::SteadyTime> ContainerLife::next_due() const {
  const SteadyTime now = clock_.now();
  std::optional<SteadyTime> next;
  for (std::size_t index = 0; index < items_.size(); ++index) {
    const SteadyTime at = items_[index].not_before;
    if (may_start_later(index) && at > now && (!next || at < *next)) {
      next = at;
    }
  }
  return next;
}

void ContainerLife::launched(std::size_t index) {
  Item& item = items_[index];
  item.is_launching = true;
  item.is_unhealthy = false;
  item.running_since = clock_.now();
  if (item.status.state.kind == Kind::Terminated) {
    item.status.last = item.status.state;
  }
  item.status.state = waiting("ContainerCreating");
  item.status.state.started_at = clock_.wall();
}

void ContainerLife::started(std::size_t index, std::string container_id) {
  Item& item = items_[index];
  item.is_launching = false;
  if (item.status.state.kind == Kind::Terminated) {
    item.status.last = item.status.state;
  }
  // One that could not start counts as a start: the one after it is a restart.
  if (std::exchange(item.was_started, true)) {
    ++item.status.restart_count;
  }
  item.running_since = clock_.now();
  item.status.state = ContainerState{};
  item.status.state.kind = Kind::Running;
  item.status.state.started_at = clock_.wall();
  item.status.container_id = std::move(container_id);
  item.is_unhealthy = false;
  item.status.is_started = !item.has_startup_probe;
  item.status.is_ready =
      item.status.is_started && !item.has_readiness_probe && (item.is_sidecar || !is_init(index));
  item.has_been_up = item.has_been_up || item.status.is_started;
}

void ContainerLife::set_health(std::size_t index, bool is_started, bool is_ready) {
  Item& item = items_[index];
  item.status.is_started = is_started;
  item.status.is_ready = is_ready && (item.is_sidecar || !is_init(index));
  item.has_been_up = item.has_been_up || is_started;
}

void ContainerLife::exited(std::size_t index, const ContainerEnd& end_of_it) {
  Item& item = items_[index];
  // One that ran long enough was well, and one that was asked to restart did not crash:
  // both start at once.
  const bool is_restart_asked = std::exchange(item.is_restart_asked, false);
  if (clock_.now() - item.running_since >= kBackOffResetAfter || is_restart_asked) {
    item.wait = std::chrono::milliseconds(0);
  }
  ContainerState state;
  state.reason = end_of_it.exit_code == 0 ? "Completed" : "Error";
  state.message = end_of_it.message;
  state.exit_code = end_of_it.exit_code;
  state.signal = end_of_it.signal;
  if (std::exchange(item.is_launching, false)) {
    // Its hook was not over: it counts as a start all the same.
    item.status.restart_count += std::exchange(item.was_started, true) ? 1 : 0;
  }
  state.started_at = item.status.state.started_at;
  end(index, std::move(state), is_restart_asked);
}

void ContainerLife::could_not_start(std::size_t index, const std::string& message) {
  Item& item = items_[index];
  if (std::exchange(item.was_started, true)) {
    ++item.status.restart_count;
  }
  ContainerState state;
  state.reason = "StartError";
  state.message = message;
  state.exit_code = kStartErrorCode;
  state.started_at = clock_.wall();
  end(index, std::move(state));
}

void ContainerLife::end(std::size_t index, ContainerState state, bool is_restart_asked) {
  Item& item = items_[index];
  state.kind = Kind::Terminated;
  state.finished_at = clock_.wall();
  // An init container that is done counts as ready, else its pod never were.
  item.status.is_ready = is_init(index) && !item.is_sidecar && state.exit_code == 0;
  item.status.is_started = false;
  item.status.state = std::move(state);
  // Ended because its liveness probe failed: whatever its exit code says, that was no success.
  const bool has_succeeded = item.status.state.exit_code == 0 && !item.is_unhealthy;
  if (is_finishing_ || (!is_restart_asked && !restarts(index, has_succeeded))) {
    item.is_over = true;
    return;
  }
  item.not_before = clock_.now() + item.wait;
  if (item.wait.count() > 0 && !stopping_) {
    item.status.last = item.status.state;
    item.status.state =
        waiting("CrashLoopBackOff", "back-off " + to_string(std::chrono::microseconds(item.wait)) +
                                        " restarting failed container=" + item.status.name + " pod=" + pod_);
  }
  item.wait = item.wait.count() == 0 ? kBackOffFirst : std::min(item.wait * 2, kBackOffMax);
}

bool ContainerLife::restarts(std::size_t index, bool has_succeeded) const {
  if (items_[index].is_sidecar) {
    return !is_over();
  }
  switch (policy_) {
    case model::RestartPolicy::Always:
      // Always is for containers: an init container that has succeeded is over under every policy.
      return !is_init(index) || !has_succeeded;
    case model::RestartPolicy::OnFailure:
      return !has_succeeded;
    case model::RestartPolicy::Never:
      return false;
  }
  return false;
}

void ContainerLife::forget_back_off(std::size_t index) {
  Item& item = items_[index];
  item.wait = std::chrono::milliseconds(0);
  item.not_before = clock_.now();
  item.is_over = item.is_over && item.status.state.kind == Kind::Terminated;
}

void ContainerLife::misconfigured(std::size_t index, const std::string& reason, const std::string& message) {
  Item& item = items_[index];
  item.is_over = true;
  item.status.state = waiting(reason, message);
}

void ContainerLife::blocked(std::size_t index, const std::string& reason, const std::string& message) {
  Item& item = items_[index];
  item.is_blocked = true;
  if (item.status.state.kind == Kind::Terminated) {
    item.status.last = item.status.state;
  }
  item.status.state = waiting(reason, message);
}

bool ContainerLife::unblock() {
  bool was_blocked = false;
  for (Item& item : items_) {
    was_blocked = std::exchange(item.is_blocked, false) || was_blocked;
  }
  return was_blocked;
}

void ContainerLife::stop() { stopping_ = true; }

bool ContainerLife::has_finished() const {
  return std::all_of(items_.begin(), items_.end(), [](const Item& item) {
    return item.is_over && item.status.state.kind == Kind::Terminated;
  });
}

bool ContainerLife::is_idle() const {
  return std::none_of(items_.begin(), items_.end(), [](const Item& item) {
    return item.is_launching || item.status.state.kind == Kind::Running;
  });
}

bool ContainerLife::is_over() const {
  const auto is_done = [](const Item& item) {
    return item.is_over && item.status.state.kind == Kind::Terminated;
  };
  const auto first = items_.begin() + static_cast<std::ptrdiff_t>(init_count_);
  const bool has_failed_before = std::any_of(items_.begin(), first, [&](const Item& item) {
    return !item.is_sidecar && is_done(item) && !succeeded(item.status.state);
  });
  return has_failed_before || std::all_of(first, items_.end(), is_done);
}

PodContainers ContainerLife::report() const {
  PodContainers all;
  for (std::size_t index = 0; index < items_.size(); ++index) {
    (is_init(index) ? all.init_containers : all.containers).push_back(items_[index].status);
  }
  return all;
}

}  // namespace labctl::kubelet
