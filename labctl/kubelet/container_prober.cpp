#include "labctl/kubelet/container_prober.hpp"

#include "topology/base/scope_exit.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace labctl::kubelet {

ContainerProber::ContainerProber(loop::EventLoop& loop, const Clock& clock, ContainerActions& actions,
                                 ActionPlace place, Hooks hooks)
    : loop_(loop),
      clock_(clock),
      actions_(actions),
      place_(std::move(place)),
      hooks_(std::move(hooks)),
      health_(*place_.container, clock.now()) {
  arm();
}

ContainerProber::~ContainerProber() {
  loop_.cancel(timer_);
  for (const ContainerActions::Id id : under_way_) {
    actions_.cancel(id);
  }
}

void ContainerProber::arm() {
  loop_.cancel(std::exchange(timer_, 0));
  if (const auto at = health_.next_due()) {
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(*at - clock_.now());
    timer_ = loop_.call_after(std::max(delay, std::chrono::milliseconds(0)), [this] {
      timer_ = 0;
      begin_due();
    });
  }
}

void ContainerProber::begin_due() {
  const auto now = clock_.now();
  const ScopeExit next([this] { arm(); });  // whatever happens to this round
  for (const ProbeKind kind : health_.due(now)) {
    health_.begin(kind, now);
    const model::ContainerProbe& spec = health_.spec(kind);
    under_way_[static_cast<std::size_t>(kind)] = actions_.run(
        spec.action, place_, spec.timeout, [this, kind](const ProbeAnswer& answer) { finish(kind, answer); });
  }
}

void ContainerProber::finish(ProbeKind kind, const ProbeAnswer& answer) {
  under_way_[static_cast<std::size_t>(kind)] = 0;
  const bool was_started = is_started();
  const bool was_ready = is_ready();
  const ContainerHealth::Verdict verdict = health_.finish(kind, answer.result, clock_.now());
  arm();
  if (answer.result != ContainerHealth::Result::Passed && verdict.counts) {
    hooks_.on_failure(kind, answer.text);
  } else if (answer.result == ContainerHealth::Result::Passed && !answer.text.empty()) {
    hooks_.on_warning(kind, answer.text);
  }
  if (was_started != is_started() || was_ready != is_ready()) {
    hooks_.on_change();
  }
  if (verdict.is_dead) {
    hooks_.on_dead(kind);
  }
}

void ContainerProber::begin_termination() {
  health_.begin_termination();
  for (const ProbeKind kind : {ProbeKind::Startup, ProbeKind::Liveness}) {
    actions_.cancel(std::exchange(under_way_[static_cast<std::size_t>(kind)], 0));
  }
  arm();
}

}  // namespace labctl::kubelet
