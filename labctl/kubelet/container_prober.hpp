#pragma once

// Probes one run of a container for as long as this lives: what ContainerHealth says is due is done through
// ContainerActions, and what follows is told.
//
// Threads: the main loop's.

#include "labctl/kubelet/container_action.hpp"
#include "labctl/kubelet/container_probe.hpp"
#include "labctl/loop/event_loop.hpp"
#include "topology/base/clock.hpp"
#include "topology/model/pod.hpp"

#include <array>
#include <functional>
#include <string>

namespace labctl::kubelet {

class ContainerProber {
 public:
  // None is called from inside the constructor, and none may destroy the prober.
  struct Hooks {
    std::function<void()> on_change;  // is_started() or is_ready()
    std::function<void(ProbeKind, const std::string& text)> on_failure;
    std::function<void(ProbeKind, const std::string& text)> on_warning;  // it passed all the same
    std::function<void(ProbeKind)> on_dead;                              // once: the container is to be ended
  };

  // `place.container` has probes; it, `loop`, `clock` and `actions` must outlive this.
  ContainerProber(loop::EventLoop& loop, const Clock& clock, ContainerActions& actions, ActionPlace place,
                  Hooks hooks);
  ~ContainerProber();
  ContainerProber(const ContainerProber&) = delete;
  ContainerProber& operator=(const ContainerProber&) = delete;

  bool is_started() const { return health_.is_started(); }
  bool is_ready() const { return health_.is_ready(); }

  // The container is being ended: only its readiness is asked from now on.
  void begin_termination();

 private:
  void arm();
  void begin_due();
  void finish(ProbeKind kind, const ProbeAnswer& answer);

  loop::EventLoop& loop_;
  const Clock& clock_;
  ContainerActions& actions_;
  ActionPlace place_;
  Hooks hooks_;
  ContainerHealth health_;
  loop::EventLoop::Id timer_ = 0;
  std::array<ContainerActions::Id, 3> under_way_{};  // by ProbeKind
};

}  // namespace labctl::kubelet
