#pragma once

// What PodLife keeps of a pod and of each of its containers. Only pod_life.cpp and pod_end.cpp look inside.

#include "labctl/kubelet/container_prober.hpp"
#include "labctl/kubelet/pod_life.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace labctl::kubelet {

struct PodLife::Container {
  const model::Container* spec = nullptr;  // in Entry::pod
  ImageChoice choice;
  std::optional<kernel::ProcessIds> ids;  // of its programs, since it was started last
  std::string home;                       // of their user; empty: not known
  ContainerLog log;
  ContainerRuntime::RunId run = 0;
  std::unique_ptr<ContainerProber> prober;  // while it runs, if it has probes
  // Its end, once that has begun.
  std::optional<ContainerLife::SteadyTime> end_by;
  ContainerActions::Id hook = 0;  // preStop, while it runs
  loop::EventLoop::Id hook_timer = 0;
  ContainerActions::Id start_hook = 0;  // postStart, while it runs
  bool awaits_turn = false;             // to be ended, after those that it serves
  loop::EventLoop::Id turn_timer = 0;

  // Of the host's tree or of another root, not the built-in server.
  bool is_program() const {
    return choice.way == ImageChoice::Way::Host || choice.way == ImageChoice::Way::Root;
  }
};

struct PodLife::Entry {
  Entry(const model::Pod& its_pod, const PodPlace& its_place, const Clock& clock)
      : pod(its_pod), place(its_place), life(pod, clock) {}
  model::Pod pod;
  PodPlace place;
  ContainerLife life;
  objects::TimePoint started_at{};
  ResolvConf resolv_conf;
  ContainerRuntime::PodId id = 0;
  std::vector<std::unique_ptr<Container>> containers;  // as ContainerLife counts them
  loop::EventLoop::Id timer = 0;
  std::vector<std::string> missing_volumes;  // as told last
  loop::EventLoop::Id deadline = 0;          // spec.activeDeadlineSeconds
  std::string end_reason;                    // once it is ended before its time
  std::string end_message;
};

}  // namespace labctl::kubelet
