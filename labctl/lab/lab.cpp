#include "labctl/lab/lab.hpp"

#include "labctl/lab/own_objects.hpp"
#include "labctl/nameserver/dns_objects.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/base/text_file.hpp"
#include "topology/base/timestamp.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/pid_namespace.hpp"
#include "topology/model/place.hpp"
#include "topology/plan/address_plan.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>

namespace labctl::lab {
namespace {

using nlohmann::json;
using probing::resolver_of;

// One turn settles; the next rounds only follow what it caused. More means that something turns around.
constexpr int kRoundsMax = 100;
// After so long the loop is for others. With the pods under way at its end a turn takes less than twice as
// much.
constexpr std::chrono::milliseconds kTurn{20};
constexpr std::chrono::milliseconds kTurnAgainFirst{100};
constexpr int kTurnAgainDoublings = 6;

UniqueFd own_network() {
  UniqueFd fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) {
    throw Error::from_errno(errno, "open /proc/self/ns/net");
  }
  return fd;
}

// Nodes ask the outside world's server. The host's own servers cannot be reached from a lab.
kubelet::ResolvConf node_resolv_conf(const model::Cluster& cluster) {
  kubelet::ResolvConf conf;
  for (const IpAddress& server : model::outside_dns_addresses(cluster)) {
    conf.nameservers.push_back(to_string(server));
  }
  return conf;
}

kubelet::PodLifeOptions life_options(const model::Cluster& cluster, kernel::IdMapping mapping) {
  kubelet::PodLifeOptions options;
  options.images = cluster.images;
  options.stand_in_probes = cluster.stand_in_probes;
  options.host_programs = model::host_programs_of(cluster);
  options.is_own = nameserver::is_own_container;
  options.maps_ids = mapping != kernel::IdMapping::Single;
  options.dns.cluster_domain = cluster.dns.domain;
  options.dns.node = node_resolv_conf(cluster);
  options.node_hosts = text_of_file("/etc/hosts");
  return options;
}

kernel::Privilege privilege_of(kernel::IdMapping mapping) {
  switch (mapping) {
    case kernel::IdMapping::Root:
      return kernel::Privilege::RealRoot;
    case kernel::IdMapping::RootRange:
    case kernel::IdMapping::Subordinate:
      return kernel::Privilege::IdRange;
    case kernel::IdMapping::Single:
      return kernel::Privilege::SingleId;
  }
  return kernel::Privilege::SingleId;
}

kubelet::LocalRuntime::Options runtime_options(const kernel::HostTree& tree, kernel::IdMapping mapping,
                                               bool runs_shell) {
  return {"/run/labctl-pods", &tree, privilege_of(mapping), runs_shell};
}

kernel::HostTree::Options tree_options(const model::Cluster& cluster, std::vector<std::string> hidden) {
  const char* home = std::getenv("HOME");
  return {cluster.writable_host, home != nullptr ? home : "", std::move(hidden)};
}

// The key of a vantage that is a pod; nothing for others.
std::optional<model::PodKey> pod_named(const std::string& vantage) {
  const auto place = model::parse_place(vantage);
  return place && place->kind == model::PlaceKind::Pod ? std::optional(model::PodKey{place->ns, place->name})
                                                       : std::nullopt;
}

// What Services are given is claimed in the shared table as well, when there is one.
store::Store& sharing(store::Store& store, const model::Cluster& cluster,
                      std::shared_ptr<store::SharedTable> table) {
  if (table != nullptr) {
    const std::vector<std::string> pools = allocation::ServiceRanges(cluster).pools();
    store.allocations().share(std::move(table), [pools](std::string_view pool) {
      return std::find(pools.begin(), pools.end(), pool) != pools.end();
    });
  }
  return store;
}

json addresses_json(const std::vector<IpAddress>& addresses) {
  json out = json::array();
  for (const IpAddress& address : addresses) {
    out.push_back(to_string(address));
  }
  return out;
}

}  // namespace

Lab::Lab(loop::MainLoop& loop, kernel::Reaper& reaper, LabSetup setup)
    : loop_(loop),
      reaper_(reaper),
      name_(std::move(setup.name)),
      cluster_(plan::give_out_addresses(std::move(setup.cluster))),
      mapping_(setup.mapping),
      why_no_range_(std::move(setup.why_no_range)),
      pid_outside_(setup.pid_outside),
      host_tree_(kernel::HostTree::create(tree_options(cluster_, std::move(setup.hidden_folders)))),
      store_(name_, clock_),
      allocation_(sharing(store_, cluster_, std::move(setup.shared)), cluster_),
      repair_(store_, cluster_),
      reconciler_(store_, cluster_, clock_),
      fabric_(network_, own_network()),
      runtime_(
          loop_, reaper_,
          runtime_options(host_tree_, mapping_, model::host_programs_of(cluster_).may_run({model::kShell}))),
      service_proxy_(store_, cluster_, fabric_, runtime_.server()),
      sandboxes_({loop_, clock_, store_, cluster_, fabric_, runtime_, service_proxy_},
                 life_options(cluster_, mapping_), sandbox_hooks()),
      dns_(loop_, reaper_, store_, cluster_, sandboxes_.life(), host_tree_, setup.boot_within),
      engine_(&runtime_.server()) {
  loop_.set_on_failure([this](const std::string& words) { on_failure(words); });
  store_.set_bound("events", objects::kEventsKept);
  node_resolver_ = std::make_shared<probing::Resolver>(resolver_of(node_resolv_conf(cluster_)));
  service_proxy_.set_on_service([this](const auto& service, const auto& slices, bool is_gone) {
    dns_.note_service(service, slices, is_gone);
  });
  sandboxes_.add_companion(dns_);
  subscription_ = store_.on_change([this](const store::Change& change) { note(change); });
}

Lab::~Lab() {
  loop_.set_on_failure({});
  for (const server::PodId pod : outside_servers_) {
    runtime_.server().remove_pod(pod);
  }
  for (const auto& [vantage, held] : held_places_) {
    reaper_.forget(held.pid());
  }
}

PodSandboxes::Hooks Lab::sandbox_hooks() {
  return {.has_work = [this] { schedule_sync(); }, .places_changed = [this] { vantages_.reset(); }};
}

// ---- Turns -------------------------------------------------------------------------------------------

void Lab::note(const store::Change& change) {
  if (change.key.resource == "pods") {
    sandboxes_.note(change.key);
    note_ready(change);
  } else if (change.key.resource == allocation::kServices) {
    have_services_changed_ = true;
  }
  if (change.type == store::ChangeType::Deleted && is_own_object(change.key)) {
    is_own_object_gone_ = true;
  }
  schedule_sync();
}

void Lab::schedule_sync() {
  if (is_booted_ && !is_sync_scheduled_) {
    is_sync_scheduled_ = true;
    loop_.post([this] { sync(); });
  }
}

void Lab::sync() {
  is_sync_scheduled_ = false;
  restore_own_objects();
  const controllers::Turn turn = is_booted_ ? controllers::Turn(clock_, kTurn) : controllers::Turn();
  bool is_done = false;
  for (int round = 0; !is_done && (round == 0 || !turn.is_over()); ++round) {
    if (round == kRoundsMax) {
      throw Error(ErrorKind::Internal, "the lab does not settle");
    }
    if (const std::vector<model::Pod> to_place = reconcile(turn); !to_place.empty()) {
      sandboxes_.place(to_place);
    }
    is_done = is_at_rest();
  }
  bool is_well = loop_.carry_out([this] { service_proxy_.sync(); });
  is_well = loop_.carry_out([this] { dns_.sync(); }) && is_well;
  is_well = loop_.carry_out([this] { service_proxy_.end_stale_flows(); }) && is_well;
  if (!is_done) {
    schedule_sync();
  } else if (is_well) {
    failures_in_a_row_ = 0;
  }
}

bool Lab::is_at_rest() const { return !sandboxes_.has_work() && !reconciler_.has_work(); }

std::vector<controllers::Stuck> Lab::stuck() const {
  return controllers::find_stuck(store_, sandboxes_.held());
}

// One turn of the controllers, and of what follows from it but for the pods to be placed: these it returns.
std::vector<model::Pod> Lab::reconcile(const controllers::Turn& turn) {
  const controllers::Reconciled reconciled = reconciler_.run(turn);
  if (reconciled.again_at) {
    if (timer_) {
      loop_.cancel(*timer_);
    }
    const auto delay =
        std::chrono::duration_cast<std::chrono::milliseconds>(*reconciled.again_at - clock_.wall());
    timer_ = loop_.call_after(std::max(delay, std::chrono::milliseconds(1)), [this] { sync(); });
  }
  return sandboxes_.take_in(turn);
}

// Something was thrown that belongs to no object, or work was lost on its way: what is left is looked at
// again.
void Lab::on_failure(const std::string& words) {
  spdlog::error("main loop: {}", words);
  if (turn_again_ != 0) {
    return;
  }
  const int doublings = std::min(failures_in_a_row_++, kTurnAgainDoublings);
  turn_again_ = loop_.call_after(kTurnAgainFirst * (1 << doublings), [this] {
    turn_again_ = 0;
    sync();
  });
}

void Lab::repair_later() {
  loop_.call_after(allocation::kRepairEvery, [this] {
    repair_later();  // whatever this one meets
    repair();
  });
}

json Lab::repair() {
  const allocation::AllocationRepair::Found found = repair_.pass();
  json told{{"recorded", found.recorded},
            {"leaked", found.leaked},
            {"released", found.released},
            {"duplicates", found.duplicates},
            {"outOfRange", found.out_of_range}};
  if (found != allocation::AllocationRepair::Found{}) {
    spdlog::warn("repair of allocations: {}", told.dump());
  }
  if (is_at_rest()) {
    for (const controllers::Stuck& one : stuck()) {
      spdlog::error("{}: {}: it is looked at again", store::to_string(one.key), one.why);
      if (one.key.resource == "pods") {
        sandboxes_.note(one.key);
        schedule_sync();
      }
    }
  }
  return told;
}

// Counted as they change: whoever waits for thousands of pods asks often.
void Lab::note_ready(const store::Change& change) {
  if (change.before != nullptr && objects::is_ready(*change.before)) {
    --ready_pods_;
  }
  if (change.type != store::ChangeType::Deleted && objects::is_ready(*change.object)) {
    ++ready_pods_;
  }
}

// ---- Answers -----------------------------------------------------------------------------------------

json Lab::status() const {
  const kubelet::StandInCount stand_ins = sandboxes_.life().stand_ins();
  json families = json::array();
  for (const Family family : cluster_.families) {
    families.push_back(to_string(family));
  }
  std::set<std::string> images;
  for (const model::ImageRule& rule : cluster_.images) {
    for (const model::ImageFiles& files : rule.files) {
      images.insert(files.digest);
    }
  }
  return {
      {"name", name_},
      {"phase", "Ready"},
      {"createdAt", timestamp(created_at_)},
      {"supervisorPid", pid_outside_},
      {"mode", kernel::to_string(mapping_)},
      {"modeReason", why_no_range_},
      {"network", cluster_.network.mode == model::NetworkMode::Vxlan ? "vxlan" : "routed"},
      {"families", families},
      {"nodes", cluster_.nodes.size()},
      {"pods", {{"total", store_.count("pods")}, {"ready", ready_pods_}}},
      {"standIns",
       {{"containers", stand_ins.containers}, {"images", stand_ins.images}, {"secrets", stand_ins.secrets}}},
      {"images", images},
      {"bootMs", boot_time_.count()}};
}

json Lab::graph() const {
  json nodes = json::array();
  for (const model::Node& node : cluster_.nodes) {
    json cidrs = json::array();
    for (const Prefix& cidr : node.pod_cidrs) {
      cidrs.push_back(to_string(cidr));
    }
    nodes.push_back({{"name", node.name},
                     {"addresses", addresses_json(node.addresses)},
                     {"podCIDRs", std::move(cidrs)},
                     {"pods", json::array()}});
  }
  sandboxes_.each_slot([&](const model::PodKey& key, const plan::PodSlot& slot, bool on_host_network) {
    nodes[slot.node]["pods"].push_back(
        {{"namespace", key.ns},
         {"name", key.name},
         {"ip", slot.addresses.empty() ? "" : to_string(slot.addresses.front())},
         {"ips", addresses_json(slot.addresses)},
         {"link", on_host_network ? "" : plan::pod_port_name(slot.number)}});
  });
  json outside = json::array();
  for (const model::OutsideHost& host : cluster_.outside.hosts) {
    outside.push_back({{"name", host.name}, {"addresses", addresses_json(host.addresses)}});
  }
  json underlay = json::array(), router = json::array();
  for (const Prefix& range : cluster_.network.node_cidrs) {
    underlay.push_back(to_string(range));
    router.push_back(to_string(model::router_node_address(range)));
    router.push_back(to_string(model::router_outside_address(model::default_ranges(range.family()).outside)));
  }
  return {{"name", name_},
          {"nodes", std::move(nodes)},
          {"router", {{"addresses", std::move(router)}}},
          {"outside", std::move(outside)},
          {"mode", cluster_.network.mode == model::NetworkMode::Vxlan ? "vxlan" : "routed"},
          {"underlay", std::move(underlay)}};
}

std::shared_ptr<const probing::VantageTable> Lab::vantages() {
  if (vantages_ == nullptr) {
    if (fixed_places_.empty()) {
      fixed_places_ = fixed_places();
    }
    const auto table = std::make_shared<probing::VantageTable>();
    for (const auto& places : {sandboxes_.places(), fixed_places_}) {
      for (const probing::VantageTable::PlacePtr& place : places) {
        table->add(place);
      }
    }
    table->set_services(store_.list("services"));
    vantages_ = table;
  } else if (have_services_changed_) {
    vantages_ = vantages_->with_services(store_.list("services"));
  }
  have_services_changed_ = false;
  return vantages_;
}

std::vector<probing::VantageTable::PlacePtr> Lab::fixed_places() const {
  std::vector<probing::VantageTable::PlacePtr> places;
  const auto add = [&](probing::PlaceKind kind, const plan::NamespaceId& id,
                       const std::vector<IpAddress>& addresses, std::vector<model::ContainerPort> ports) {
    probing::Place place;
    place.kind = kind;
    place.id = id;
    place.addresses = addresses;
    place.ports = std::move(ports);
    place.netns = fabric_.share_namespace(id);
    place.resolver = node_resolver_;
    places.push_back(std::make_shared<const probing::Place>(std::move(place)));
  };
  for (const model::Node& node : cluster_.nodes) {
    add(probing::PlaceKind::Node, plan::node_id(node.name), node.addresses, {});
  }
  for (const model::OutsideHost& host : cluster_.outside.hosts) {
    std::vector<model::ContainerPort> ports;
    for (const model::OutsidePort& port : host.ports) {
      ports.push_back({"", port.port, 0, port.protocol});
    }
    add(probing::PlaceKind::Outside, plan::outside_id(host.name), host.addresses, std::move(ports));
  }
  return places;
}

probing::Resolver Lab::cluster_resolver(const std::string& ns) const {
  model::Pod pod;
  pod.key.ns = ns;
  return resolver_of(kubelet::pod_resolv_conf(pod, sandboxes_.life().dns()).conf);
}

void Lab::check_vantage(const std::string& vantage) const {
  const auto pod = pod_named(vantage);
  const bool is_there = pod ? has_pod(*pod) : fabric_.has(vantage) && vantage != plan::kUnderlay;
  if (!is_there) {
    throw Error(ErrorKind::NotFound, "\"" + vantage + "\": no such place in this lab",
                "labctl get pods -A shows the pods; else node/NAME or outside/NAME");
  }
}

// Of a node or an outside host, which has no program of its own: one command finds what another has left.
int Lab::held_place(const std::string& vantage) {
  const auto held = held_places_.find(vantage);
  if (held != held_places_.end()) {
    return held->second.pidfd();
  }
  kernel::ProcessOptions place;
  place.netns_fd = fabric_.namespace_fd(vantage);
  place.hostname = vantage.substr(vantage.find('/') + 1);
  place.view.emplace(host_tree_);
  const auto made = held_places_.emplace(vantage, kernel::hold_place(std::move(place))).first;
  reaper_.watch(made->second.pid(), [this, vantage](kernel::ExitStatus) {
    held_places_.at(vantage).release();
    held_places_.erase(vantage);
  });
  return made->second.pidfd();
}

kernel::ProcessOptions Lab::exec_options(const std::string& vantage, const std::string& container,
                                         std::vector<std::string> command, const kubelet::Environment& env) {
  check_vantage(vantage);
  if (const auto pod = pod_named(vantage)) {
    return sandboxes_.life().exec_options(*pod, container, std::move(command), env);
  }
  kernel::ProcessOptions options;
  options.argv = std::move(command);
  options.env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, {"HOME", "/"}};
  options.env.insert(options.env.end(), env.begin(), env.end());
  options.join_pidfd = held_place(vantage);
  options.capabilities = kernel::CapabilityPolicy::Container;
  options.seccomp_shim = mapping_ == kernel::IdMapping::Single;
  return options;
}

}  // namespace labctl::lab
