#include "labctl/kubelet/container_probe.hpp"

#include <algorithm>

namespace labctl::kubelet {
namespace {

constexpr ProbeKind kProbeKinds[] = {ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness};

}  // namespace

std::string_view probe_name(ProbeKind kind) noexcept {
  switch (kind) {
    case ProbeKind::Startup:
      return "Startup";
    case ProbeKind::Readiness:
      return "Readiness";
    case ProbeKind::Liveness:
      return "Liveness";
  }
  return "";
}

bool has_probes(const model::Container& container) noexcept {
  return container.startup_probe || container.readiness_probe || container.liveness_probe;
}

ContainerHealth::ContainerHealth(const model::Container& container, SteadyTime started_at) {
  const auto add = [&](ProbeKind kind, const std::optional<model::ContainerProbe>& spec, bool is_passing) {
    if (!spec) {
      return;
    }
    Item& item = at(kind);
    item.spec = &*spec;
    item.is_passing = is_passing;
    item.next = started_at + spec->initial_delay;
    item.patient_until = item.next + spec->period;
  };
  add(ProbeKind::Startup, container.startup_probe, false);
  add(ProbeKind::Readiness, container.readiness_probe, false);
  add(ProbeKind::Liveness, container.liveness_probe, true);
}

bool ContainerHealth::may_begin(ProbeKind kind) const {
  const Item& item = at(kind);
  return item.spec != nullptr && !item.is_over && !item.is_under_way &&
         (kind == ProbeKind::Startup || is_started());
}

std::vector<ProbeKind> ContainerHealth::due(SteadyTime now) const {
  std::vector<ProbeKind> kinds;
  for (const ProbeKind kind : kProbeKinds) {
    if (may_begin(kind) && at(kind).next <= now) {
      kinds.push_back(kind);
    }
  }
  return kinds;
}

std::optional<ContainerHealth::SteadyTime> ContainerHealth::next_due() const {
  std::optional<SteadyTime> first;
  for (const ProbeKind kind : kProbeKinds) {
    if (may_begin(kind) && (!first || at(kind).next < *first)) {
      first = at(kind).next;
    }
  }
  return first;
}

void ContainerHealth::begin(ProbeKind kind, SteadyTime now) {
  Item& item = at(kind);
  item.is_under_way = true;
  item.next = now + item.spec->period;
}

ContainerHealth::Verdict ContainerHealth::finish(ProbeKind kind, Result result, SteadyTime now) {
  Item& item = at(kind);
  item.is_under_way = false;
  if (result == Result::Refused && now < item.patient_until && !item.is_over) {
    item.next = std::min(now + item.patience, item.patient_until);
    item.patience *= 2;
    return {false, false};
  }
  item.patient_until = now;
  item.next = std::max(item.next, now);  // a slow answer does not make up for lost tries
  const bool passed = result == Result::Passed;
  item.in_a_row = item.in_a_row > 0 && item.last_passed == passed ? item.in_a_row + 1 : 1;
  item.last_passed = passed;
  if (item.is_over ||
      item.in_a_row < (passed ? item.spec->success_threshold : item.spec->failure_threshold)) {
    return {};
  }
  item.is_passing = passed;
  if (kind == ProbeKind::Startup && passed) {
    item.is_over = true;
    begin_others(now);
  }
  if (kind != ProbeKind::Readiness && !passed) {
    begin_termination();
    return {true, true};
  }
  return {};
}

// What the startup probe held back begins at once, but for its own delay.
void ContainerHealth::begin_others(SteadyTime now) {
  for (const ProbeKind kind : {ProbeKind::Readiness, ProbeKind::Liveness}) {
    Item& item = at(kind);
    if (item.spec != nullptr) {
      item.next = std::max(item.next, now);
      item.patient_until = item.next + item.spec->period;
    }
  }
}

void ContainerHealth::begin_termination() {
  at(ProbeKind::Startup).is_over = true;
  at(ProbeKind::Liveness).is_over = true;
}

}  // namespace labctl::kubelet
