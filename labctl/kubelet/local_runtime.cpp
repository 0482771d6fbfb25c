#include "labctl/kubelet/local_runtime.hpp"

#include "topology/base/current_exception.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/pid_namespace.hpp"
#include "topology/model/host_programs.hpp"
#include "topology/model/place.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <utility>

namespace labctl::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kShellDeadline{60};
// Five seconds a try, two tries: what resolv.conf(5) waits for a server that is silent.
constexpr std::chrono::seconds kResolveDeadline{12};
// What the server reports when the grace was over.
constexpr int kKilledCode = 128 + SIGKILL;
// What an ended program left behind is killed with it, and closes its ends of the pipes then.
constexpr std::chrono::milliseconds kDrainMax{500};
// What the built-in server has to end after `kill 1`; it does not wait that long.
constexpr std::chrono::seconds kEndMax{30};
// Read at one go from one container, so that a chatty one does not starve the others.
constexpr int kReadsPerTurn = 8;

void write_text(const fs::path& path, const std::string& text) {
  errno = 0;  // not every failure of a stream says why
  std::ofstream file(path, std::ios::trunc);
  file << text;
  if (!file.flush()) {
    throw Error::from_errno(errno == 0 ? EIO : errno, "write " + path.string());
  }
}

void make_folder(const fs::path& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  if (failure) {
    throw Error::from_errno(failure.value(), "make " + path.string());
  }
}

ContainerEnd end_of(kernel::ExitStatus status) { return {status.exit_code(), status.signal, {}}; }

std::map<std::string, std::string> as_map(const Environment& env) { return {env.begin(), env.end()}; }

// Lines of `getent ahosts`: "192.0.2.1  STREAM www.example.org"; an address comes once for each socket type.
std::vector<IpAddress> addresses_of(const std::string& text) {
  std::vector<IpAddress> addresses;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto address = IpAddress::parse(line.substr(0, line.find(' ')));
    if (address && std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

}  // namespace

struct LocalRuntime::Pod {
  PodSite site;
  server::PodId server_id = 0;
  fs::path directory;  // made when the first program starts
  bool has_files = false;
  // Of all its programs where they share one, and of what none of its runs asked for.
  kernel::PidNamespace processes;
  std::set<RunId> runs;
};

struct LocalRuntime::Run {
  PodId pod = 0;
  Hooks hooks;
  kernel::PidNamespace processes;  // ends after `child`
  kernel::ChildProcess child;
  std::array<loop::EventLoop::Id, 2> watches{};  // by LogStream
  loop::EventLoop::Id kill_timer = 0;
  std::optional<ContainerEnd> end;  // of its program, whose output is not read to the end yet
  loop::EventLoop::Id drain_timer = 0;
  int stop_signal = SIGTERM;
  server::ContainerId built_in = 0;
};

LocalRuntime::LocalRuntime(loop::EventLoop& loop, kernel::Reaper& reaper, Options options)
    : loop_(loop),
      reaper_(reaper),
      options_(std::move(options)),
      mailbox_(loop),
      captured_(loop, reaper),
      server_(std::make_unique<server::Server>(server_hooks())) {}

LocalRuntime::~LocalRuntime() {
  server_.reset();  // joins its thread: nothing is posted from here on
  while (!pods_.empty()) {
    remove_pod(pods_.begin()->first);
  }
}

server::Hooks LocalRuntime::server_hooks() {
  server::Hooks hooks;
  hooks.output = [this](server::ContainerId container, std::string_view line) {
    mailbox_.post_droppable([this, container, text = std::string(line) + "\n"] {
      if (const auto run = built_in_runs_.find(container); run != built_in_runs_.end()) {
        runs_.at(run->second)->hooks.output(LogStream::Out, text);
      }
    });
  };
  hooks.exited = [this](server::ContainerId container, int exit_code) {
    mailbox_.post([this, container, exit_code] {
      if (const auto run = built_in_runs_.find(container); run != built_in_runs_.end()) {
        finish(run->second, {exit_code, exit_code == kKilledCode ? SIGKILL : 0, {}});
      }
    });
  };
  if (options_.runs_shell) {
    hooks.run_shell = [this](server::ContainerId container, const std::string& command,
                             std::function<void(server::ShellResult)> done) {
      mailbox_.post(
          [this, container, command, done = std::move(done)] { run_shell(container, command, done); });
    };
  }
  hooks.resolve = [this](server::PodId pod, const std::string& name,
                         std::function<void(std::vector<IpAddress>)> done) {
    mailbox_.post([this, pod, name, done = std::move(done)] { resolve(pod, name, done); });
  };
  return hooks;
}

ContainerRuntime::PodId LocalRuntime::add_pod(PodSite site) {
  auto pod = std::make_unique<Pod>();
  pod->site = std::move(site);
  const PodSite& its = pod->site;
  pod->server_id = server_->add_pod({to_string(model::Place::pod(its.key)), its.hostname, its.key.ns,
                                     its.key.name, its.addresses, its.netns_fd});
  const PodId id = next_pod_++;
  pod->directory = options_.directory / std::to_string(id);  // names of pods may be too long for a file
  built_in_pods_.emplace(pod->server_id, id);
  pods_.emplace(id, std::move(pod));
  return id;
}

void LocalRuntime::remove_pod(PodId id) {
  const auto found = pods_.find(id);
  if (found == pods_.end()) {
    return;
  }
  Pod& pod = *found->second;
  pod.processes.kill();
  for (const RunId run_id : pod.runs) {
    runs_.at(run_id)->processes.kill();
  }
  for (const RunId run_id : pod.runs) {
    forget(*runs_.at(run_id));
    runs_.erase(run_id);  // kills and reaps a program, and waits for what is in its namespace
  }
  pod.processes.end();
  if (server_) {
    server_->remove_pod(pod.server_id);
  }
  built_in_pods_.erase(pod.server_id);
  std::error_code ignored;  // the folder goes with the lab at the latest
  fs::remove_all(pod.directory, ignored);
  pods_.erase(found);
}

ContainerRuntime::RunId LocalRuntime::start(PodId pod_id, const RunSpec& spec, Hooks hooks) {
  Pod& pod = *pods_.at(pod_id);
  const RunId id = next_run_++;
  auto run = std::make_unique<Run>();
  run->pod = pod_id;
  run->hooks = std::move(hooks);
  switch (spec.choice.way) {
    case ImageChoice::Way::Host:
    case ImageChoice::Way::Root:
      start_process(id, *run, pod, spec);
      break;
    case ImageChoice::Way::BuiltIn:
    case ImageChoice::Way::StandIn:
      start_built_in(*run, pod, spec);
      built_in_runs_.emplace(run->built_in, id);
      break;
    case ImageChoice::Way::Skip:
      mailbox_.post([this, id] { finish(id, {}); });
      break;
    case ImageChoice::Way::Invalid:
      throw Error(ErrorKind::Internal, "start container " + spec.container + ": " + spec.choice.message);
  }
  pod.runs.insert(id);
  runs_.emplace(id, std::move(run));
  return id;
}

void LocalRuntime::start_built_in(Run& run, const Pod& pod, const RunSpec& spec) {
  server::RoleRequest request;
  request.image = spec.image;
  request.command = spec.command;
  request.args = spec.args;
  request.env = [&spec] { return as_map(spec.env.whole()); };
  request.ports = spec.ports;
  request.resolv_conf = pod.site.resolv_conf;
  request.hosts = pod.site.hosts;
  run.built_in = server_->start(pod.server_id, server::role_of(request));
}

void LocalRuntime::write_files(Pod& pod) {
  if (pod.has_files) {
    return;
  }
  make_folder(pod.directory);
  write_text(pod.directory / "hosts", pod.site.hosts);
  write_text(pod.directory / "resolv.conf", pod.site.resolv_conf);
  write_text(pod.directory / "hostname", pod.site.hostname + "\n");
  pod.has_files = true;  // only now: what could not be written is written at the next start
}

kernel::ProcessOptions LocalRuntime::options_in(Pod& pod, const std::string& root) {
  write_files(pod);
  kernel::ProcessOptions options;
  options.netns_fd = pod.site.netns_fd;
  options.hostname = pod.site.hostname;
  options.view.emplace(*options_.tree);
  options.view->root = root;
  options.view->binds = pod.site.binds;
  for (const char* file : {"hosts", "resolv.conf", "hostname"}) {
    options.view->binds.push_back({pod.directory / file, std::string("/etc/") + file});
  }
  options.capabilities = kernel::CapabilityPolicy::Container;
  options.seccomp_shim = options_.privilege == kernel::Privilege::SingleId;
  return options;
}

// Where processes of a run are: with its own program, or with all of its pod, which has an init that ends like the
// "pause" of a container engine then. What is executed in a pod of the built-in server has no program to be with: the
// init holds its files, so that one command finds what another has left.
kernel::PidNamespace& LocalRuntime::process_namespace(RunId id, Run* run, Pod& pod) {
  const bool is_program = run != nullptr && run->built_in == 0;
  const bool is_shared = run == nullptr || pod.site.shares_processes;
  kernel::PidNamespace& processes = is_shared ? pod.processes : run->processes;
  if (!processes) {
    processes = is_program && !is_shared ? kernel::PidNamespace::create(kernel::InitSignals::ToProgram)
                                         : kernel::PidNamespace::create_in(options_in(pod, {}));
    if (!is_program && !is_shared) {
      reaper_.watch(processes.init_pid(), [this, id](kernel::ExitStatus) {
        runs_.at(id)->processes.end();
        stop(id, kEndMax);  // as if its program had been PID 1
      });
    }
  }
  return processes;
}

void LocalRuntime::start_process(RunId id, Run& run, Pod& pod, const RunSpec& spec) {
  kernel::ProcessOptions options = options_in(pod, spec.choice.root);
  std::vector<kernel::FileBind>& binds = options.view->binds;
  if (std::any_of(spec.binds.begin(), spec.binds.end(),
                  [](const auto& bind) { return bind.target == "/etc"; })) {
    std::erase_if(binds, [](const kernel::FileBind& bind) { return bind.target.starts_with("/etc/"); });
  }
  binds.insert(binds.end(), spec.binds.begin(), spec.binds.end());
  options.argv = spec.choice.command;
  options.env = spec.env.whole();
  options.working_dir = spec.working_dir;
  options.ids = spec.ids;
  options.view->is_read_only = spec.read_only_root;
  options.out = kernel::Stdio::pipe();
  options.err = kernel::Stdio::pipe();
  options.pid_namespace = process_namespace(id, &run, pod).fd();
  run.stop_signal = spec.choice.stop_signal;
  run.child = kernel::spawn(options);
  run.watches[0] =
      loop_.call_when_readable(run.child.out.get(), [this, id] { read_output(id, LogStream::Out); });
  run.watches[1] =
      loop_.call_when_readable(run.child.err.get(), [this, id] { read_output(id, LogStream::Err); });
  reaper_.watch(run.child.pid(), [this, id](kernel::ExitStatus status) { note_end(id, end_of(status)); });
}

// Its output is read to the end first: what the program left running is killed, but may have written before.
void LocalRuntime::note_end(RunId id, ContainerEnd end) {
  Run& run = *runs_.at(id);
  run.child.release();
  run.end = std::move(end);
  run.processes.kill();
  if (pods_.at(run.pod)->site.shares_processes) {
    kernel::kill_members({run.child.mount_namespace()});
  }
  mailbox_.post([this, id] { finish_if_drained(id); });
  run.drain_timer = loop_.call_after(kDrainMax, [this, id] { finish(id, *runs_.at(id)->end); });
}

void LocalRuntime::finish_if_drained(RunId id) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) {
    return;
  }
  const Run& run = *found->second;
  if (run.end && run.watches[0] == 0 && run.watches[1] == 0) {
    finish(id, *run.end);
  }
}

void LocalRuntime::read_output(RunId id, LogStream stream) {
  Run& run = *runs_.at(id);
  const std::size_t index = stream == LogStream::Out ? 0 : 1;
  UniqueFd& pipe = index == 0 ? run.child.out : run.child.err;
  std::array<char, 16384> buffer;
  for (int turn = 0; pipe && turn < kReadsPerTurn; ++turn) {
    const ssize_t length = ::read(pipe.get(), buffer.data(), buffer.size());
    if (length > 0) {
      run.hooks.output(stream, {buffer.data(), static_cast<std::size_t>(length)});
    } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
      loop_.cancel(std::exchange(run.watches[index], 0));
      pipe.reset();
      finish_if_drained(id);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

void LocalRuntime::forget(Run& run) {
  for (loop::EventLoop::Id& watch : run.watches) {
    loop_.cancel(std::exchange(watch, 0));
  }
  loop_.cancel(std::exchange(run.kill_timer, 0));
  loop_.cancel(std::exchange(run.drain_timer, 0));
  if (run.child.pid() > 0) {
    reaper_.forget(run.child.pid());
  }
  if (run.processes) {
    reaper_.forget(run.processes.init_pid());
  }
  if (run.built_in != 0) {
    built_in_runs_.erase(run.built_in);
  }
}

void LocalRuntime::finish(RunId id, const ContainerEnd& end) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) {
    return;
  }
  const std::unique_ptr<Run> run = std::move(found->second);
  runs_.erase(found);
  pods_.at(run->pod)->runs.erase(id);
  forget(*run);
  run->processes.end(std::chrono::milliseconds(0));
  run->hooks.ended(end);
}

void LocalRuntime::stop(RunId id, std::chrono::milliseconds grace) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) {
    return;
  }
  Run& run = *found->second;
  if (run.built_in != 0) {
    server_->stop(run.built_in, grace);
    return;
  }
  loop_.cancel(std::exchange(run.kill_timer, 0));
  if (grace.count() <= 0) {
    run.child.signal(SIGKILL);
    return;
  }
  run.child.signal(run.stop_signal);
  run.kill_timer = loop_.call_after(grace, [this, id] { runs_.at(id)->child.signal(SIGKILL); });
}

kernel::ProcessOptions LocalRuntime::exec_options(PodId pod_id, RunId run_id) {
  const auto pod = pods_.find(pod_id);
  if (pod == pods_.end()) {
    throw Error(ErrorKind::NotFound, "the pod has gone");
  }
  const auto run = runs_.find(run_id);
  Run* const its_run = run == runs_.end() ? nullptr : run->second.get();
  kernel::ProcessOptions options;
  options.capabilities = kernel::CapabilityPolicy::Container;
  options.seccomp_shim = options_.privilege == kernel::Privilege::SingleId;
  options.pid_namespace = process_namespace(run_id, its_run, *pod->second).fd();
  options.join_pidfd =
      its_run != nullptr && its_run->child.pidfd() >= 0 ? its_run->child.pidfd() : options.pid_namespace;
  return options;
}

void LocalRuntime::execute(kernel::ProcessOptions options, std::chrono::milliseconds deadline,
                           std::function<void(loop::CapturedEnd)> done) {
  captured_.run(std::move(options), deadline, std::move(done));
}

void LocalRuntime::run_shell(server::ContainerId container, const std::string& command,
                             const std::function<void(server::ShellResult)>& done) {
  const auto id = built_in_runs_.find(container);
  if (id == built_in_runs_.end()) {
    done({{}, "the container has ended"});
    return;
  }
  kernel::ProcessOptions options;
  try {
    options = exec_options(runs_.at(id->second)->pod, id->second);
  } catch (...) {
    done({{}, words_of_current_exception()});
    return;
  }
  options.argv = {model::kShell, "-c", command};
  options.env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  execute(std::move(options), kShellDeadline, [done](loop::CapturedEnd end) {
    done({std::move(end.output), std::move(end.error)});
  });
}

void LocalRuntime::resolve(server::PodId server_pod, const std::string& name,
                           const std::function<void(std::vector<IpAddress>)>& done) {
  const auto id = built_in_pods_.find(server_pod);
  if (id == built_in_pods_.end()) {
    done({});
    return;
  }
  kernel::ProcessOptions options;
  try {
    options = exec_options(id->second, 0);
  } catch (...) {
    done({});
    return;
  }
  // The C library's own resolver, reading the pod's own files.
  options.argv = {"getent", "ahosts", name};
  execute(std::move(options), kResolveDeadline,
          [done](loop::CapturedEnd end) { done(addresses_of(end.output)); });
}

}  // namespace labctl::kubelet
