#include "labctl/kubelet/pod_life.hpp"

#include "labctl/kubelet/archived_image.hpp"
#include "labctl/kubelet/container_ids.hpp"
#include "labctl/kubelet/container_prober.hpp"
#include "labctl/kubelet/pod_entry.hpp"
#include "labctl/kubelet/pod_storage.hpp"
#include "labctl/kubelet/stand_in.hpp"
#include "topology/base/current_exception.hpp"
#include "topology/base/scope_exit.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace labctl::kubelet {
namespace {

// Distinct notices remembered; a lab with more image names than this repeats itself.
constexpr std::size_t kNoticesMax = 1'000;

// The kubelet waits for as long as a postStart hook takes; here one that hangs gives its place to others.
constexpr std::chrono::minutes kPostStartMax{10};

std::string with_hint(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + " (" + error.hint() + ")";
}

// What a program would have printed before exit(1): a port in use, a flag it does not know.
bool is_programs_own_failure(const Error& error, ImageChoice::Way way) {
  return (way == ImageChoice::Way::BuiltIn || way == ImageChoice::Way::StandIn) &&
         (error.kind() == ErrorKind::Busy || error.kind() == ErrorKind::InvalidInput);
}

}  // namespace

PodLife::PodLife(loop::EventLoop& loop, const Clock& clock, ContainerRuntime& runtime, PodLifeOptions options,
                 PodLifeHooks hooks)
    : loop_(loop),
      clock_(clock),
      runtime_(runtime),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      actions_(loop, runtime) {
  if (options_.storage != nullptr) {
    options_.storage->on_change([this](const std::string& ns) { look_again(ns); });
  }
}

PodLife::~PodLife() {
  if (options_.storage != nullptr) {
    options_.storage->on_change(nullptr);
  }
  while (!pods_.empty()) {
    drop(*pods_.begin()->second);
  }
}

PodLife::Entry& PodLife::get(const model::PodKey& key) {
  const auto found = pods_.find(key);
  if (found == pods_.end()) {
    throw Error(ErrorKind::NotFound, "pod " + to_string(key) + ": not running here");
  }
  return *found->second;
}

const ResolvConf& PodLife::resolv_conf(const model::PodKey& key) { return get(key).resolv_conf; }

PodLife::Container& PodLife::get_container(Entry& entry, std::string_view name) {
  std::string names;
  for (std::size_t index = 0; index < entry.containers.size(); ++index) {
    Container& container = *entry.containers[index];
    if (name.empty() ? !entry.life.is_init(index) : container.spec->name == name) {
      return container;
    }
    names += (names.empty() ? "" : ", ") + container.spec->name;
  }
  throw Error(ErrorKind::NotFound,
              "pod " + to_string(entry.pod.key) + ": no container \"" + std::string(name) + "\"",
              "its containers: " + names);
}

void PodLife::start(const model::Pod& pod, const PodPlace& place) {
  if (contains(pod.key)) {
    throw Error(ErrorKind::AlreadyExists, "pod " + to_string(pod.key) + ": runs already");
  }
  auto owned = std::make_unique<Entry>(pod, place, clock_);
  Entry& entry = *owned;
  entry.started_at = clock_.wall();
  PodResolvConf resolv = pod_resolv_conf(pod, options_.dns);
  PodSite site{pod.key, place.hostname,       pod.ips,          place.netns_fd,
               {},      to_text(resolv.conf), pod.host_network, place.binds};
  site.shares_processes = pod.share_process_namespace;
  site.hosts = pod.host_network ? hosts_file_of_node(options_.node_hosts, pod)
                                : hosts_file(pod, place.hostname, options_.dns.cluster_domain);
  entry.resolv_conf = std::move(resolv.conf);
  entry.id = runtime_.add_pod(std::move(site));
  pods_.emplace(pod.key, std::move(owned));
  ScopeExit not_begun([this, &entry] { drop(entry); });
  for (std::string& notice : resolv.notices) {
    event(entry, true, "DNSConfigForming", std::move(notice));
  }
  prepare_containers(entry);
  set_up_volumes(entry);
  if (place.hostname.size() > model::kKernelHostnameMax) {
    refuse_hostname(entry);
  }
  watch_deadline(entry);
  advance(entry);
  not_begun.dismiss();
}

void PodLife::drop(const Entry& entry) noexcept {
  loop_.cancel(entry.timer);
  loop_.cancel(entry.deadline);
  for (const auto& container : entry.containers) {
    forget_hook(*container);
  }
  runtime_.remove_pod(entry.id);
  if (options_.storage != nullptr) {
    options_.storage->tear_down(entry.pod.key);
  }
  pods_.erase(model::PodKey(entry.pod.key));
}

// Before any container: their names would not be those that the pod asked for.
void PodLife::refuse_hostname(Entry& entry) {
  const std::string& hostname = entry.place.hostname;
  const std::string message = "Failed to construct FQDN from pod hostname and cluster domain, FQDN " +
                              hostname + " is too long (" + std::to_string(model::kKernelHostnameMax) +
                              " characters is the max, " + std::to_string(hostname.size()) +
                              " characters requested)";
  for (std::size_t index = 0; index < entry.containers.size(); ++index) {
    entry.life.misconfigured(index, "CreatePodSandboxError", message);
  }
  event(entry, true, "FailedCreatePodSandBox", message);
}

void PodLife::prepare_containers(Entry& entry) {
  const auto add = [&](model::Container& spec) {
    entry.containers.push_back(std::make_unique<Container>());
    entry.containers.back()->spec = &spec;
    choose_image(entry, entry.containers.size() - 1, spec);
  };
  std::for_each(entry.pod.init_containers.begin(), entry.pod.init_containers.end(), add);
  std::for_each(entry.pod.containers.begin(), entry.pod.containers.end(), add);
}

// What runs for its image, which is told once.
void PodLife::choose_image(Entry& entry, std::size_t index, model::Container& spec) {
  Container& container = *entry.containers[index];
  container.choice = choose(spec, options_.images, entry.life.is_init(index) && !spec.is_sidecar);
  if (!options_.is_own || !options_.is_own(entry.pod, spec)) {
    container.choice = permitted(std::move(container.choice), spec, options_.host_programs);
  }
  if (is_up_at_once(container)) {
    expect_no_delay(spec);
  }
  const ImageChoice::Way way = container.choice.way;
  const bool is_stand_in = way == ImageChoice::Way::StandIn || way == ImageChoice::Way::Skip;
  entry.life.set_image(index, spec.image, is_stand_in ? kStandInImageId : container.choice.digest);
  tell(container.choice.notice);
  if (!options_.maps_ids && container.is_program() && wants_other_ids(entry.pod, spec, container.choice)) {
    tell(
        "this lab has one id: runAsUser, runAsGroup, supplementalGroups, fsGroup and users of images have no "
        "effect");
  }
}

void PodLife::tell(const std::string& notice) {
  if (!notice.empty() && hooks_.on_notice && !notices_.contains(notice)) {
    if (notices_.size() >= kNoticesMax) {
      notices_.clear();
    }
    notices_.insert(notice);
    hooks_.on_notice(notice);
  }
}

// False when it cannot be who it is to be, which is told.
bool PodLife::resolve_ids(Entry& entry, std::size_t index) {
  Container& container = *entry.containers[index];
  const model::Container& spec = *container.spec;
  const auto refuse = [&](const std::string& reason, const std::string& message) {
    entry.life.misconfigured(index, reason, message);
    event(entry, true, "Failed", "Error: " + message);
    return false;
  };
  if (const std::string refusal = refusal_as_root(entry.pod, spec, container.choice); !refusal.empty()) {
    return refuse("CreateContainerConfigError", refusal);
  }
  if (!options_.maps_ids || !container.is_program() || !names_ids(entry.pod, spec, container.choice)) {
    return true;
  }
  try {
    ContainerIds ids =
        container_ids(entry.pod, spec, container.choice, read_account_files(container.choice.root));
    container.ids = std::move(ids.ids);
    container.home = std::move(ids.home);
    return true;
  } catch (const Error& error) {
    return refuse("CreateContainerError", error.message());
  }
}

// Stood in for, and not as its probes are written.
bool PodLife::is_up_at_once(const Container& container) const {
  return container.choice.way == ImageChoice::Way::StandIn &&
         options_.stand_in_probes == model::StandInProbes::Answered;
}

StandInCount PodLife::stand_ins() const {
  StandInCount count;
  std::set<std::string_view> images;
  for (const auto& [key, entry] : pods_) {
    for (const auto& container : entry->containers) {
      const ImageChoice::Way way = container->choice.way;
      if (way == ImageChoice::Way::StandIn || way == ImageChoice::Way::Skip) {
        ++count.containers;
        images.insert(container->spec->image);
      }
    }
  }
  count.images = images.size();
  count.secrets = secrets_made_;
  return count;
}

// Starts what is due, and comes back when more will be. Ends: a start that fails twice in a row has to wait.
void PodLife::advance(Entry& entry) {
  for (std::vector<std::size_t> due = entry.life.due(); !due.empty(); due = entry.life.due()) {
    start_container(entry, due.front());
  }
  loop_.cancel(std::exchange(entry.timer, 0));
  if (const auto at = entry.life.next_due()) {
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(*at - clock_.now());
    entry.timer = loop_.call_after(delay, [this, key = entry.pod.key] {
      if (const auto found = pods_.find(key); found != pods_.end()) {
        found->second->timer = 0;
        advance(*found->second);
      }
    });
  }
  changed(entry);
}

void PodLife::start_container(Entry& entry, std::size_t index) {
  Container& container = *entry.containers[index];
  const model::Container& spec = *container.spec;
  if (container.choice.way == ImageChoice::Way::Invalid) {
    entry.life.misconfigured(index, container.choice.reason, container.choice.message);
    event(entry, true, "Failed", "Error: " + container.choice.message);
    return;
  }
  if (!resolve_ids(entry, index)) {
    return;
  }
  RunSpec run;
  run.ids = container.ids;
  run.read_only_root = spec.security.read_only_root;
  std::optional<ContainerEnv> env = environment_of(entry, index);
  if (!env) {
    return;
  }
  run.env = std::move(*env);
  run.container = spec.name;
  run.choice = container.choice;
  run.choice.command = expand_all(container.choice.command, run.env);
  run.working_dir = spec.working_dir.empty() ? container.choice.working_dir : spec.working_dir;
  run.image = spec.image;
  run.command = expand_all(spec.command, run.env);
  run.args = expand_all(spec.args, run.env);
  run.ports = spec.ports;
  if (is_up_at_once(container)) {
    run.ports = stand_in_ports(entry.pod, index,
                               [&](std::size_t other) { return is_up_at_once(*entry.containers[other]); });
  }

  container.log.begin_instance();
  ContainerRuntime::Hooks hooks;
  hooks.output = [this, &log = container.log](LogStream stream, std::string_view bytes) {
    log.append(stream, bytes, clock_.wall());
  };
  hooks.ended = [this, key = entry.pod.key, index](const ContainerEnd& end) { on_ended(key, index, end); };
  try {
    if (options_.storage != nullptr && container.is_program()) {
      run.binds = options_.storage->binds(entry.pod, spec, run.env);
    }
    if (hooks_.before_start) {
      hooks_.before_start(entry.pod, entry.place);
    }
    container.run = runtime_.start(entry.id, run, std::move(hooks));
  } catch (const Error& error) {
    on_start_error(entry, index, error);
    return;
  } catch (...) {
    on_start_error(entry, index, Error(ErrorKind::Internal, words_of_current_exception()));
    return;
  }
  event(entry, false, "Started", "Started container " + spec.name);
  make_what_its_program_would(entry, index, run);
  if (spec.post_start) {
    run_post_start(entry, index);
  } else {
    on_started(entry, index);
  }
}

void PodLife::on_started(Entry& entry, std::size_t index) {
  entry.life.started(index, "labctl://" + std::to_string(entry.containers[index]->run));
  start_probes(entry, index);
}

// As with the kubelet, the container counts as running once the hook has passed.
void PodLife::run_post_start(Entry& entry, std::size_t index) {
  Container& container = *entry.containers[index];
  entry.life.launched(index);
  ActionPlace place = action_place(entry, index);
  place.user_agent = "kube-lifecycle/1.35";
  container.start_hook =
      actions_.run(*container.spec->post_start, std::move(place), kPostStartMax,
                   [this, &entry, index](const ProbeAnswer& answer) {
                     on_post_start_over(entry, index, answer.result == ContainerHealth::Result::Passed);
                   });
}

void PodLife::on_post_start_over(Entry& entry, std::size_t index, bool has_passed) {
  Container& container = *entry.containers[index];
  container.start_hook = 0;
  if (has_passed) {
    on_started(entry, index);
    advance(entry);
    return;
  }
  event(entry, true, "FailedPostStartHook", "PostStartHook failed");
  event(entry, false, "Killing", "FailedPostStartHook");
  entry.life.set_unhealthy(index);
  end_container(entry, index, entry.pod.termination_grace);
}

void PodLife::on_start_error(Entry& entry, std::size_t index, const Error& error) {
  Container& container = *entry.containers[index];
  const std::string message = with_hint(error);
  if (is_programs_own_failure(error, container.choice.way)) {
    container.log.append(LogStream::Err, error.message() + "\n", clock_.wall());
    entry.life.started(index, {});
    entry.life.exited(index, {1, 0, error.message()});
  } else if (error.kind() == ErrorKind::Unsupported) {
    entry.life.misconfigured(index, "CreateContainerError", message);
  } else {
    container.log.append(LogStream::Err, message + "\n", clock_.wall());
    entry.life.could_not_start(index, message);
  }
  container.log.end_instance(clock_.wall());
  event(entry, true, "Failed", "Error: " + message);
}

void PodLife::on_ended(const model::PodKey& key, std::size_t index, const ContainerEnd& end) {
  const auto found = pods_.find(key);
  if (found == pods_.end()) {
    return;
  }
  Entry& entry = *found->second;
  Container& container = *entry.containers[index];
  container.run = 0;
  container.prober.reset();
  forget_hook(container);
  container.end_by.reset();
  container.awaits_turn = false;
  container.log.end_instance(clock_.wall());
  entry.life.exited(index, end);
  const ContainerState& state = entry.life.status(index).state;
  if (state.reason == "CrashLoopBackOff") {
    event(entry, true, "BackOff", "Back-off restarting failed container " + container.spec->name);
  }
  if (entry.life.is_stopping()) {
    end_those_whose_turn_it_is(entry);
  } else if (entry.life.is_over()) {
    end_sidecars(entry);
    end_those_whose_turn_it_is(entry);
  }
  advance(entry);
  finish_if_idle(entry);
}

ActionPlace PodLife::action_place(const Entry& entry, std::size_t index) {
  ActionPlace place;
  place.node_netns_fd = entry.place.node_netns_fd;
  if (!entry.pod.ips.empty()) {
    place.pod_ip = entry.pod.ips.front();
  }
  place.container = entry.containers[index]->spec;
  place.passes_execs = is_up_at_once(*entry.containers[index]);
  place.exec_options = [this, key = entry.pod.key, index](const std::vector<std::string>& command) {
    const Container& target = *get(key).containers[index];
    if (!may_run(target.choice, options_.host_programs, command)) {
      throw Error(ErrorKind::Permission, refusal_of(options_.host_programs, command));
    }
    return exec_options(key, target.spec->name, command, {});
  };
  return place;
}

void PodLife::start_probes(Entry& entry, std::size_t index) {
  Container& container = *entry.containers[index];
  if ((entry.life.is_init(index) && !entry.life.is_sidecar(index)) || !has_probes(*container.spec)) {
    return;
  }
  ContainerProber::Hooks hooks;
  hooks.on_failure = [this, &entry](ProbeKind kind, const std::string& text) {
    event(entry, true, "Unhealthy", std::string(probe_name(kind)) + " probe failed: " + text);
  };
  hooks.on_warning = [this, &entry](ProbeKind kind, const std::string& text) {
    event(entry, true, "ProbeWarning", std::string(probe_name(kind)) + " probe warning: " + text);
  };
  hooks.on_change = [this, &entry, index] {
    const ContainerProber& prober = *entry.containers[index]->prober;
    entry.life.set_health(index, prober.is_started(), prober.is_ready());
    // A sidecar that has started is what the next container waited for.
    entry.life.is_sidecar(index) ? advance(entry) : changed(entry);
  };
  hooks.on_dead = [this, &entry, index](ProbeKind kind) { on_dead(entry, index, kind); };
  container.prober = std::make_unique<ContainerProber>(loop_, clock_, actions_, action_place(entry, index),
                                                       std::move(hooks));
}

void PodLife::on_dead(Entry& entry, std::size_t index, ProbeKind kind) {
  const model::Container& spec = *entry.containers[index]->spec;
  const bool restarts =
      entry.life.is_sidecar(index) || entry.pod.restart_policy != model::RestartPolicy::Never;
  event(entry, false, "Killing",
        "Container " + spec.name + " failed " + (kind == ProbeKind::Startup ? "startup" : "liveness") +
            " probe" + (restarts ? ", will be restarted" : ""));
  entry.life.set_unhealthy(index);
  const auto& probe = kind == ProbeKind::Startup ? spec.startup_probe : spec.liveness_probe;
  end_container(entry, index, probe->termination_grace.value_or(entry.pod.termination_grace));
}

ContainerLog& PodLife::log(const model::PodKey& key, std::string_view container) {
  return get_container(get(key), container).log;
}

kernel::ProcessOptions PodLife::exec_options(const model::PodKey& key, std::string_view container,
                                             std::vector<std::string> command, const Environment& env) {
  Entry& entry = get(key);
  Container& target = get_container(entry, container);
  kernel::ProcessOptions options = runtime_.exec_options(entry.id, target.run);
  options.argv = std::move(command);
  ContainerEnv its_env = container_env(entry.pod, *target.spec, facts_of(entry));
  add_image_env(its_env, target.choice, target.home);
  options.ids = target.ids;
  options.env = its_env.whole();
  options.working_dir = target.spec->working_dir.empty() ? target.choice.working_dir : std::string();
  for (const auto& [name, value] : env) {
    std::erase_if(options.env,
                  [&name = name](const auto& entry_of_env) { return entry_of_env.first == name; });
    options.env.emplace_back(name, value);
  }
  return options;
}

PodReport PodLife::report(const Entry& entry) {
  PodReport report{entry.pod.key, entry.pod.uid, entry.started_at, entry.life.report()};
  report.containers.is_over = entry.life.is_finishing() && entry.life.is_idle();
  report.containers.reason = entry.end_reason;
  report.containers.message = entry.end_message;
  return report;
}

void PodLife::changed(const Entry& entry) const {
  if (hooks_.on_change) {
    hooks_.on_change(report(entry));
  }
}

void PodLife::event(const Entry& entry, bool is_warning, std::string reason, std::string message) const {
  if (hooks_.on_event) {
    hooks_.on_event(entry.pod.key, {is_warning, std::move(reason), std::move(message)});
  }
}

}  // namespace labctl::kubelet
