#pragma once

// A main loop whose time a test moves, and a container runtime that does what
// it is told, for the tests of pod_life.

#include "labctl/kubelet/container_runtime.hpp"
#include "labctl/loop/event_loop.hpp"
#include "topology/base/clock.hpp"
#include "topology/base/error.hpp"
#include "topology/model/pod.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace labctl::kubelet::testing {

class FakeClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::time_point(since_start_);
  }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::time_point(std::chrono::hours(24 * 365 * 50)) + since_start_;
  }
  void advance(std::chrono::milliseconds by) { since_start_ += by; }

 private:
  std::chrono::milliseconds since_start_{1'000'000};
};

class FakeLoop final : public loop::EventLoop {
 public:
  explicit FakeLoop(FakeClock& clock) : clock_(clock) {}

  Id call_after(std::chrono::milliseconds delay, std::function<void()> work) override {
    timers_[next_] = {clock_.now() + delay, std::move(work)};
    return next_++;
  }
  Id call_when_readable(int, std::function<void()>) override { return next_++; }
  void cancel(Id id) override { timers_.erase(id); }
  bool carry_out(const std::function<void()>& work) override {
    work();  // a test hears of what goes wrong
    return true;
  }

  // Moves the clock to each timer in turn.
  void advance(std::chrono::milliseconds by) {
    const auto end = clock_.now() + by;
    for (;;) {
      auto first = timers_.end();
      for (auto timer = timers_.begin(); timer != timers_.end(); ++timer) {
        if (timer->second.first <= end &&
            (first == timers_.end() || timer->second.first < first->second.first)) {
          first = timer;
        }
      }
      if (first == timers_.end()) {
        break;
      }
      const auto [at, work] = std::move(first->second);
      timers_.erase(first);
      clock_.advance(std::chrono::ceil<std::chrono::milliseconds>(std::max(at, clock_.now()) - clock_.now()));
      work();
    }
    clock_.advance(std::chrono::ceil<std::chrono::milliseconds>(end - clock_.now()));
  }
  std::size_t timers() const { return timers_.size(); }

 private:
  FakeClock& clock_;
  Id next_ = 1;
  std::map<Id, std::pair<std::chrono::steady_clock::time_point, std::function<void()>>> timers_;
};

class FakeRuntime final : public ContainerRuntime {
 public:
  struct Started {
    PodId pod = 0;
    RunSpec spec;
    Hooks hooks;
    std::optional<std::chrono::milliseconds> stopped_with;
    bool is_running = true;
  };

  PodId add_pod(PodSite site) override {
    sites[next_] = std::move(site);
    return next_++;
  }
  void remove_pod(PodId pod) override {
    sites.erase(pod);
    for (auto& [id, run] : runs) {
      run.is_running = run.is_running && run.pod != pod;
    }
  }
  RunId start(PodId pod, const RunSpec& spec, Hooks hooks) override {
    if (const auto refusal = refusals.find(spec.container); refusal != refusals.end()) {
      throw refusal->second;
    }
    runs[next_] = {pod, spec, std::move(hooks), {}, true};
    order.push_back(spec.container);
    return next_++;
  }
  void stop(RunId run, std::chrono::milliseconds grace) override { runs.at(run).stopped_with = grace; }
  kernel::ProcessOptions exec_options(PodId pod, RunId run) override {
    kernel::ProcessOptions options;
    options.netns_fd = sites.at(pod).netns_fd;
    options.join_pidfd = static_cast<int>(run);
    return options;
  }

  void execute(kernel::ProcessOptions options, std::chrono::milliseconds deadline,
               std::function<void(loop::CapturedEnd)> done) override {
    executed.push_back({std::move(options), deadline, std::move(done)});
  }
  // Ends the oldest program that was executed. Throws std::out_of_range if there is none.
  void end_execution(const loop::CapturedEnd& how) {
    const auto done = std::move(executed.at(0).done);
    executed.erase(executed.begin());
    done(how);
  }

  // The newest run of the container that has not ended. Throws std::out_of_range if there is none.
  Started& running(const std::string& container) {
    for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
      if (run->second.is_running && run->second.spec.container == container) {
        return run->second;
      }
    }
    throw std::out_of_range(container + " does not run");
  }
  void end(const std::string& container, const ContainerEnd& how) {
    Started& run = running(container);
    run.is_running = false;
    run.hooks.ended(how);
  }

  struct Executed {
    kernel::ProcessOptions options;
    std::chrono::milliseconds deadline;
    std::function<void(loop::CapturedEnd)> done;
  };
  std::vector<Executed> executed;         // that have not ended
  std::map<std::string, Error> refusals;  // by container: what start() throws
  std::map<PodId, PodSite> sites;
  std::map<RunId, Started> runs;
  std::vector<std::string> order;

 private:
  std::uint64_t next_ = 1;
};

// A pod of these containers, each `image: host` with a command of its own name.
inline model::Pod make_pod(const std::vector<std::string>& names,
                           const std::vector<std::string>& init_names = {}) {
  const auto make = [](const std::string& name) {
    model::Container container;
    container.name = name;
    container.image = "host";
    container.command = {name};
    return container;
  };
  model::Pod pod;
  pod.key = {"default", "web-0"};
  pod.uid = "u1";
  pod.node_name = "node-1";
  pod.ips = {*IpAddress::parse("10.244.1.2")};
  for (const std::string& name : names) {
    pod.containers.push_back(make(name));
  }
  for (const std::string& name : init_names) {
    pod.init_containers.push_back(make(name));
  }
  return pod;
}

}  // namespace labctl::kubelet::testing
