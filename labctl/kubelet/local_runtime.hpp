#pragma once

// Containers as they run on this host: programs by kernel::spawn in the pod's network namespace with a view
// of files of their own, and the built-in server for everything else.
//
// Programs are not PID 1 of their namespace: one without a handler dies of SIGTERM at once. What a container leaves
// behind when its first process ends is killed.
//
// Threads: the main loop's. The server calls back on its own thread; that is passed on through a Mailbox.

#include "labctl/kubelet/container_runtime.hpp"
#include "labctl/loop/captured_run.hpp"
#include "labctl/loop/event_loop.hpp"
#include "labctl/loop/mailbox.hpp"
#include "probes/server/server.hpp"
#include "topology/kernel/capabilities.hpp"
#include "topology/kernel/host_tree.hpp"
#include "topology/kernel/pid_namespace.hpp"
#include "topology/kernel/process.hpp"
#include "topology/kernel/reaper.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace labctl::kubelet {

class LocalRuntime final : public ContainerRuntime {
 public:
  struct Options {
    // Of the lab's own, on a file system that pods cannot fill: their hosts, resolv.conf and hostname, in
    // folders named by number. Made if it is not there.
    std::filesystem::path directory;
    const kernel::HostTree* tree = nullptr;  // what programs see of the host; outlives this
    kernel::Privilege privilege = kernel::Privilege::SingleId;
    bool runs_shell = true;  // /shell of netexec runs the host's; false: it says that it does not
  };

  // `loop` and `reaper` must outlive this. Throws Error without descriptors or threads.
  LocalRuntime(loop::EventLoop& loop, kernel::Reaper& reaper, Options options);
  // Ends everything without hooks.
  ~LocalRuntime() override;
  LocalRuntime(const LocalRuntime&) = delete;
  LocalRuntime& operator=(const LocalRuntime&) = delete;

  // Also for nodes and outside hosts, which have no containers.
  server::Server& server() { return *server_; }

  PodId add_pod(PodSite site) override;
  void remove_pod(PodId pod) override;
  RunId start(PodId pod, const RunSpec& spec, Hooks hooks) override;
  void stop(RunId run, std::chrono::milliseconds grace) override;
  kernel::ProcessOptions exec_options(PodId pod, RunId run) override;
  void execute(kernel::ProcessOptions options, std::chrono::milliseconds deadline,
               std::function<void(loop::CapturedEnd)> done) override;

 private:
  struct Pod;
  struct Run;

  server::Hooks server_hooks();
  void start_process(RunId id, Run& run, Pod& pod, const RunSpec& spec);
  void start_built_in(Run& run, const Pod& pod, const RunSpec& spec);
  // With a view of its own. Throws Error.
  kernel::ProcessOptions options_in(Pod& pod, const std::string& root);
  void write_files(Pod& pod);
  void read_output(RunId id, LogStream stream);
  kernel::PidNamespace& process_namespace(RunId id, Run* run, Pod& pod);
  void note_end(RunId id, ContainerEnd end);
  void finish_if_drained(RunId id);
  void finish(RunId id, const ContainerEnd& end);
  void forget(Run& run);
  void run_shell(server::ContainerId container, const std::string& command,
                 const std::function<void(server::ShellResult)>& done);
  void resolve(server::PodId pod, const std::string& name,
               const std::function<void(std::vector<IpAddress>)>& done);

  loop::EventLoop& loop_;
  kernel::Reaper& reaper_;
  Options options_;
  loop::Mailbox mailbox_;
  loop::CapturedRuns captured_;
  std::unordered_map<PodId, std::unique_ptr<Pod>> pods_;
  std::unordered_map<RunId, std::unique_ptr<Run>> runs_;
  std::unordered_map<server::ContainerId, RunId> built_in_runs_;
  std::unordered_map<server::PodId, PodId> built_in_pods_;
  PodId next_pod_ = 1;
  RunId next_run_ = 1;
  // Last: its thread posts to what stands above.
  std::unique_ptr<server::Server> server_;
};

}  // namespace labctl::kubelet
