#pragma once

// The health of one run of a container, from the results of its probes, as a state machine: which probe is
// due when, what a result means. Follows the kubelet's rules (concepts, "Liveness, Readiness, and Startup
// Probes"); times are the caller's, and nothing is asked here.
//
//   startup probe passes -> is_started -> readiness and liveness begin
//   a probe changes its mind after success_threshold, or failure_threshold, equal results in a row
//   startup or liveness failed -> the container is to be ended; neither asks again

#include "topology/model/pod.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace labctl::kubelet {

enum class ProbeKind { Startup, Readiness, Liveness };
// "Startup", "Readiness", "Liveness".
std::string_view probe_name(ProbeKind kind) noexcept;

bool has_probes(const model::Container& container) noexcept;

class ContainerHealth {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  enum class Result {
    Passed,
    Failed,
    Refused,  // nobody listens there
  };
  struct Verdict {
    bool counts = true;    // false: too early to be told, see kFirstPatience
    bool is_dead = false;  // the container is to be ended
  };

  // A program that has just been started may not listen yet, and the next try would be a whole period later.
  // The kubelet's first try comes at any moment of the first period, so until that is over a refused
  // connection does not count: it is tried again after this long, and each time after twice as long.
  static constexpr std::chrono::milliseconds kFirstPatience{50};

  // `container` must outlive this and have probes.
  ContainerHealth(const model::Container& container, SteadyTime started_at);

  bool is_started() const noexcept { return !startup().spec || startup().is_passing; }
  bool is_ready() const noexcept { return is_started() && readiness().is_passing; }

  // The probes to begin now.
  std::vector<ProbeKind> due(SteadyTime now) const;
  // When the first one will be due; nothing while all that could be are under way, or none ever will.
  std::optional<SteadyTime> next_due() const;

  void begin(ProbeKind kind, SteadyTime now);
  // Precondition: begun.
  Verdict finish(ProbeKind kind, Result result, SteadyTime now);

  // The container is being ended: only its readiness is asked from now on,
  // since endpoints serve until the end.
  void begin_termination();

  const model::ContainerProbe& spec(ProbeKind kind) const { return *at(kind).spec; }

 private:
  struct Item {
    const model::ContainerProbe* spec = nullptr;
    bool is_passing = true;
    bool is_over = false;  // asks no more
    bool is_under_way = false;
    bool last_passed = false;
    int in_a_row = 0;
    SteadyTime next{};
    SteadyTime patient_until{};
    std::chrono::milliseconds patience = kFirstPatience;
  };

  Item& at(ProbeKind kind) { return items_[static_cast<std::size_t>(kind)]; }
  const Item& at(ProbeKind kind) const { return items_[static_cast<std::size_t>(kind)]; }
  const Item& startup() const { return at(ProbeKind::Startup); }
  const Item& readiness() const { return at(ProbeKind::Readiness); }
  bool may_begin(ProbeKind kind) const;
  void begin_others(SteadyTime now);

  std::array<Item, 3> items_;
};

}  // namespace labctl::kubelet
