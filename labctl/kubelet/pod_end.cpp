// How containers and pods end: preStop hooks, SIGTERM, grace.

#include "labctl/kubelet/pod_entry.hpp"
#include "labctl/kubelet/pod_storage.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace labctl::kubelet {
namespace {

// What a container has at least between its preStop hook and SIGKILL, as with the kubelet.
constexpr std::chrono::seconds kGraceAfterHook{2};

}  // namespace

void PodLife::restart(const model::PodKey& key, std::string_view name) {
  const auto found = pods_.find(key);
  if (found == pods_.end() || found->second->life.is_stopping()) {
    return;
  }
  Entry& entry = *found->second;
  for (std::size_t index = 0; index < entry.containers.size(); ++index) {
    if (entry.containers[index]->spec->name == name && entry.containers[index]->run != 0) {
      entry.life.set_restart_asked(index);
      end_container(entry, index, std::chrono::milliseconds(0));
    }
  }
}

void PodLife::stop(const model::PodKey& key, std::chrono::milliseconds grace) {
  const auto found = pods_.find(key);
  if (found == pods_.end()) {
    return;
  }
  Entry& entry = *found->second;
  const bool is_first = !entry.life.is_stopping();
  entry.life.stop();
  loop_.cancel(std::exchange(entry.timer, 0));
  loop_.cancel(std::exchange(entry.deadline, 0));
  for (std::size_t index = 0; index < entry.containers.size(); ++index) {
    Container& container = *entry.containers[index];
    if (container.run == 0) {
      continue;
    }
    if (is_first) {
      event(entry, false, "Killing", "Stopping container " + container.spec->name);
      if (container.prober) {
        container.prober->begin_termination();
      }
    }
    end_container(entry, index, grace);
  }
  finish_if_idle(entry);
}

// Again: the earlier end counts. A pod that is being deleted is told so at each change of its object.
void PodLife::end_container(Entry& entry, std::size_t index, std::chrono::milliseconds grace) {
  Container& container = *entry.containers[index];
  const ContainerLife::SteadyTime by = clock_.now() + grace;
  if (container.end_by && by >= *container.end_by) {
    return;
  }
  const bool is_first = !std::exchange(container.end_by, by);
  if (grace.count() > 0 && (container.hook != 0 || (is_first && container.spec->pre_stop))) {
    run_pre_stop(entry, index, grace);
    return;
  }
  forget_hook(container);
  send_end(entry, index, grace);
}

// SIGTERM. Sidecars serve the others until these have ended, and then go in the order opposite to that of their
// start; what they wait is taken from their grace.
void PodLife::send_end(Entry& entry, std::size_t index, std::chrono::milliseconds grace) {
  Container& container = *entry.containers[index];
  loop_.cancel(std::exchange(container.turn_timer, 0));
  const bool ends_with_pod = entry.life.is_stopping() || entry.life.is_finishing() || entry.life.is_over();
  const bool others_run =
      std::any_of(entry.containers.begin() + static_cast<std::ptrdiff_t>(index) + 1, entry.containers.end(),
                  [](const std::unique_ptr<Container>& other) { return other->run != 0; });
  container.awaits_turn = entry.life.is_sidecar(index) && ends_with_pod && others_run && grace.count() > 0;
  if (!container.awaits_turn) {
    runtime_.stop(container.run, grace);
    return;
  }
  container.turn_timer = loop_.call_after(grace, [this, &container] {
    container.turn_timer = 0;
    container.awaits_turn = false;
    runtime_.stop(container.run, kGraceAfterHook);
  });
}

void PodLife::end_those_whose_turn_it_is(Entry& entry) {
  for (std::size_t index = entry.containers.size(); index-- > 0;) {
    const Container& container = *entry.containers[index];
    if (container.awaits_turn) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*container.end_by - clock_.now());
      send_end(entry, index, std::max<std::chrono::milliseconds>(left, kGraceAfterHook));
    }
  }
}

void PodLife::end_sidecars(Entry& entry) {
  for (std::size_t index = 0; index < entry.containers.size(); ++index) {
    Container& container = *entry.containers[index];
    if (entry.life.is_sidecar(index) && container.run != 0 && !container.end_by) {
      event(entry, false, "Killing", "Stopping container " + container.spec->name);
      end_container(entry, index, entry.pod.termination_grace);
    }
  }
}

// Gives the hook so long, whether it runs already or not.
void PodLife::run_pre_stop(Entry& entry, std::size_t index, std::chrono::milliseconds grace) {
  Container& container = *entry.containers[index];
  loop_.cancel(container.hook_timer);
  container.hook_timer =
      loop_.call_after(grace, [this, &entry, index] { on_pre_stop_over(entry, index, false); });
  if (container.hook == 0) {
    ActionPlace place = action_place(entry, index);
    place.user_agent = "kube-lifecycle/1.35";
    container.hook = actions_.run(
        *container.spec->pre_stop, std::move(place), grace, [this, &entry, index](const ProbeAnswer& answer) {
          on_pre_stop_over(entry, index, answer.result == ContainerHealth::Result::Passed);
        });
  }
}

void PodLife::on_pre_stop_over(Entry& entry, std::size_t index, bool has_passed) {
  Container& container = *entry.containers[index];
  forget_hook(container);
  if (!has_passed) {
    event(entry, true, "FailedPreStopHook", "PreStopHook failed");
  }
  const auto now = clock_.now();
  container.end_by = std::max(*container.end_by, now + kGraceAfterHook);
  send_end(entry, index, std::chrono::ceil<std::chrono::milliseconds>(*container.end_by - now));
}

void PodLife::forget_hook(Container& container) {
  actions_.cancel(std::exchange(container.hook, 0));
  actions_.cancel(std::exchange(container.start_hook, 0));
  loop_.cancel(std::exchange(container.hook_timer, 0));
  loop_.cancel(std::exchange(container.turn_timer, 0));
}

void PodLife::watch_deadline(Entry& entry) {
  if (entry.pod.active_deadline) {
    entry.deadline = loop_.call_after(*entry.pod.active_deadline, [this, &entry] { on_deadline(entry); });
  }
}

// The pod has failed, whatever its containers say at their end; its object stays.
void PodLife::on_deadline(Entry& entry) {
  entry.deadline = 0;
  if (entry.life.has_finished()) {
    return;
  }
  entry.end_reason = "DeadlineExceeded";
  entry.end_message = "Pod was active on the node longer than the specified deadline";
  event(entry, false, entry.end_reason, entry.end_message);
  entry.life.finish();
  loop_.cancel(std::exchange(entry.timer, 0));
  for (std::size_t index = 0; index < entry.containers.size(); ++index) {
    if (entry.containers[index]->run != 0) {
      event(entry, false, "Killing", "Stopping container " + entry.containers[index]->spec->name);
      end_container(entry, index, entry.pod.termination_grace);
    }
  }
  changed(entry);
}

void PodLife::finish_if_idle(Entry& entry) {
  if (!entry.life.is_stopping() || !entry.life.is_idle()) {
    return;
  }
  runtime_.remove_pod(entry.id);
  if (options_.storage != nullptr) {
    options_.storage->tear_down(entry.pod.key);
  }
  PodReport last = report(entry);
  last.containers.is_over = true;
  pods_.erase(model::PodKey(entry.pod.key));
  if (hooks_.on_change) {
    hooks_.on_change(last);
  }
  if (hooks_.on_stopped) {
    hooks_.on_stopped(last);
  }
}

}  // namespace labctl::kubelet
