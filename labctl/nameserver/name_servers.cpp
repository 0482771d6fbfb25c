#include "labctl/nameserver/name_servers.hpp"

#include "labctl/nameserver/dns_objects.hpp"
#include "labctl/nameserver/named_files.hpp"
#include "labctl/objects/events.hpp"
#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"
#include "topology/base/process_end.hpp"
#include "topology/dns/named_conf.hpp"
#include "topology/dns/service_records.hpp"
#include "topology/manifest/defaults.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

namespace labctl::nameserver {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kCheckWithin{30};
// Of the time to boot: for the answer to the one who waits, and for a server that has to be started again.
constexpr int kBootShareToTell = 10;
constexpr int kBootShareOfOne = 4;
constexpr std::chrono::milliseconds kPatienceMin{1'000};
// Between two looks at how long the servers have taken.
constexpr std::chrono::milliseconds kLookEvery{50};

// A server's first try: the time to boot holds several.
std::chrono::milliseconds first_patience(std::chrono::milliseconds boot_within) {
  return std::clamp<std::chrono::milliseconds>(boot_within / kBootShareOfOne, kPatienceMin,
                                               ZoneUpdater::kPatience);
}

std::vector<IpAddress> pod_ips(const json& pod) {
  std::vector<IpAddress> addresses;
  for (const json& ip : objects::list_at(pod, "status.podIPs")) {
    if (const auto address = IpAddress::parse(objects::text_at(ip, "ip"))) {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

// Whether a pod's change is one of its addresses: most are not.
bool changes_addresses(const store::Change& change) {
  if (change.before == nullptr || change.type == store::ChangeType::Deleted) {
    return true;
  }
  const auto addresses_of = [](const json& pod) {
    return objects::is_finished(pod) ? json::array() : objects::list_at(pod, "status.podIPs");
  };
  return addresses_of(*change.before) != addresses_of(*change.object);
}

// "services/shop/web" as store::to_string() writes it.
std::optional<store::Key> parse_key(const std::string& text) {
  const std::size_t first = text.find('/');
  if (first == std::string::npos) {
    return std::nullopt;
  }
  const std::size_t second = text.find('/', first + 1);
  return second == std::string::npos
             ? store::Key{text.substr(0, first), "", text.substr(first + 1)}
             : store::Key{text.substr(0, first), text.substr(first + 1, second - first - 1),
                          text.substr(second + 1)};
}

// The first lines as one: the cause comes first.
std::string first_lines(const std::string& output) {
  constexpr int kLines = 3;
  std::istringstream lines(output);
  std::string words;
  int count = 0;
  for (std::string line; count < kLines && std::getline(lines, line);) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      words += (words.empty() ? "" : "; ") + line;
      ++count;
    }
  }
  return words;
}

// "it ended with exit code 1", or why it does not answer while it runs.
std::string how_it_is(const json& pod, const std::string& while_running) {
  const json& statuses = objects::list_at(pod, "status.containerStatuses");
  const json* ended = statuses.empty() ? nullptr : objects::field(statuses.front(), "lastState.terminated");
  if (ended == nullptr) {
    return while_running;
  }
  const std::string end =
      "it ended with " + end_in_words(static_cast<int>(objects::number_at(*ended, "exitCode", 0)),
                                      static_cast<int>(objects::number_at(*ended, "signal", 0)));
  return objects::field(statuses.front(), "state.running") == nullptr
             ? end
             : while_running + "; before that " + end;
}

store::Key key_of_pod(const model::PodKey& pod) { return {"pods", pod.ns, pod.name}; }

}  // namespace

NameServers::NameServers(loop::MainLoop& loop, kernel::Reaper& reaper, store::Store& store,
                         const model::Cluster& cluster, kubelet::PodLife& life, const kernel::HostTree& tree,
                         std::chrono::milliseconds boot_within)
    : loop_(loop),
      store_(store),
      cluster_(cluster),
      life_(life),
      book_(dns::zones_of(cluster)),
      journal_(book_.zones()),
      boot_until_(std::chrono::steady_clock::now() + boot_within - boot_within / kBootShareToTell),
      patience_(first_patience(boot_within)),
      outside_(loop, reaper, cluster, tree, patience_),
      checks_(loop, reaper) {}

NameServers::~NameServers() { loop_.cancel(again_); }

// ---- Objects -------------------------------------------------------------------------------------------

void NameServers::create_service(allocation::ServiceAllocation& services) {
  is_on_ = cluster_.dns.enabled;
  has_been_ready_ = !is_on_;
  if (!is_on_) {
    return;
  }
  subscription_ = store_.on_change([this](const store::Change& change) { note(change); });
  restore_service(services);
  const std::vector<IpAddress> addresses = dns_addresses(cluster_);
  life_.set_cluster_dns(addresses);
  set_records("", dns::schema_records(cluster_.dns.domain, addresses));
  for (const store::ObjectPtr& ns : store_.list("namespaces")) {
    dirty_.insert({"namespaces", "", objects::name_of(*ns)});
  }
}

void NameServers::restore_service(allocation::ServiceAllocation& services) {
  json service = dns_service(cluster_);
  manifest::fill_in_defaults(service, "Service");
  const store::Key key = store::key_of("services", service);
  if (store_.find(key) == nullptr) {
    services.create(key, std::move(service));
  }
}

void NameServers::create_servers() {
  json deployment = dns_deployment(cluster_);
  manifest::fill_in_defaults(deployment, "Deployment");
  const store::Key key = store::key_of("deployments", deployment);
  if (is_on_ && store_.find(key) == nullptr) {
    store_.create(key, std::move(deployment));
  }
}

void NameServers::restore(allocation::ServiceAllocation& services) {
  if (is_on_) {
    restore_service(services);
    create_servers();
  }
}

// ---- Records -------------------------------------------------------------------------------------------

void NameServers::note(const store::Change& change) {
  if ((change.key.resource == "pods" && changes_addresses(change)) || change.key.resource == "namespaces") {
    dirty_.insert(change.key);
  }
}

void NameServers::read_object(const store::Key& key) {
  const store::ObjectPtr object = store_.find(key);
  std::vector<dns::Record> records;
  if (object != nullptr && key.resource == "namespaces") {
    records = dns::namespace_records(key.name, cluster_.dns.domain);
  } else if (object != nullptr && !objects::is_finished(*object)) {
    records = dns::pod_records(key.ns, pod_ips(*object), cluster_.dns.domain);
  }
  set_records(store::to_string(key), std::move(records));
}

void NameServers::note_service(const model::Service& service,
                               const std::vector<const model::EndpointSlice*>& slices, bool is_gone) {
  if (is_on_) {
    set_records(
        store::to_string(store::Key{"services", service.key.ns, service.key.name}),
        is_gone ? std::vector<dns::Record>() : dns::service_records(service, slices, cluster_.dns.domain));
  }
}

void NameServers::set_records(const std::string& owner, std::vector<dns::Record> records) {
  for (dns::ZoneChange& change : book_.set(owner, std::move(records))) {
    if (!servers_.empty()) {  // the first one starts with all there is
      journal_.add(owner, std::move(change));
    }
  }
}

void NameServers::sync() {
  for (const store::Key& key : std::exchange(dirty_, {})) {
    read_object(key);
  }
  for (auto& [pod, server] : servers_) {
    server.updater->push();
  }
  trim();
}

NameServers::Positions NameServers::ends() const {
  Positions positions;
  for (std::size_t zone = 0; zone < book_.zones().size(); ++zone) {
    positions.push_back(journal_.end(zone));
  }
  return positions;
}

void NameServers::trim() {
  Positions needed = ends();
  for (const auto& [pod, server] : servers_) {
    for (std::size_t zone = 0; zone < needed.size(); ++zone) {
      needed[zone] = std::min(needed[zone], server.updater->position(zone));
    }
  }
  for (std::size_t zone = 0; zone < needed.size(); ++zone) {
    journal_.trim(zone, needed[zone]);
  }
}

// ---- Servers -------------------------------------------------------------------------------------------

void NameServers::start_outside(int router_netns_fd) {
  if (!is_on_) {
    return;
  }
  outside_.start(router_netns_fd);
  if (cluster_.outside.dns_records.empty()) {
    return;
  }
  kernel::ProcessOptions options;
  options.argv = check_command(outside_.folder());
  checks_.run(std::move(options), kCheckWithin, [this](const loop::CapturedEnd& end) {
    if (!end.error.empty()) {  // without words it did not look: then the server itself shows
      outside_refusal_ = first_lines(end.output);
    }
  });
}

void NameServers::wait_until_ready() {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(boot_until_ - now());
  Patience patience(std::max(left, patience_), now());
  const auto is_ready = [this] { return has_been_ready_ && (!is_on_ || outside_.is_ready()); };
  const auto is_over = [&] {
    return is_ready() || !outside_refusal_.empty() || outside_.is_hopeless() || has_no_place();
  };
  while (!loop_.run_until(is_over, now() + kLookEvery) && !patience.is_over(now())) {
  }
  if (!outside_refusal_.empty()) {
    throw Error(ErrorKind::InvalidInput, "outside.dns.records: named refuses the zone: " + outside_refusal_);
  }
  if (!is_ready()) {
    throw Error(ErrorKind::Timeout, "the lab's DNS servers do not answer: " + trouble(),
                "dns: {enabled: false} in the Cluster does without");
  }
}

// Nothing is about to change that while the lab boots.
bool NameServers::has_no_place() const {
  const std::vector<store::ObjectPtr> pods = dns_pods();
  return is_on_ && servers_.empty() && !pods.empty() &&
         std::all_of(pods.begin(), pods.end(), [](const store::ObjectPtr& pod) {
           const json* scheduled = objects::condition(*pod, "PodScheduled");
           return scheduled != nullptr && objects::text_at(*scheduled, "status") == "False";
         });
}

std::vector<store::ObjectPtr> NameServers::dns_pods() const {
  std::vector<store::ObjectPtr> pods = store_.list("pods", std::string(objects::kDnsNamespace));
  std::erase_if(pods, [](const store::ObjectPtr& pod) { return !objects::is_dns_pod(*pod); });
  return pods;
}

// Of those that are not ready, each with its name.
std::string NameServers::trouble() {
  std::string words = outside_.is_ready() ? "" : "outside: " + outside_.trouble();
  for (const store::ObjectPtr& pod : dns_pods()) {
    if (!has_been_ready_) {
      const model::PodKey key{objects::namespace_of(*pod), objects::name_of(*pod)};
      words += (words.empty() ? "" : "; ") + to_string(key) + ": " + trouble_of(*pod, key);
    }
  }
  return words.empty() ? "there is none" : words;
}

std::string NameServers::trouble_of(const json& pod, const model::PodKey& key) {
  const auto server = servers_.find(key);
  if (server == servers_.end()) {
    const json* scheduled = objects::condition(pod, "PodScheduled");
    const std::string why = scheduled == nullptr ? "" : objects::text_at(*scheduled, "message");
    return "it was not started" + (why.empty() ? "" : ": " + why);
  }
  return with_last_words(key, how_it_is(pod, server->second.updater->trouble()));
}

void NameServers::write_files(const std::string& folder) const {
  dns::ServerConfig config;
  config.directory = folder;
  config.zones = book_.zones();
  config.forwarders = model::outside_dns_addresses(cluster_);
  config.stub_domains = cluster_.dns.stub_domains;
  config.has_hosts = !cluster_.dns.hosts.empty();
  config.logs_queries = cluster_.dns.logs_queries;
  write_dns_file(folder, "named.conf", dns::cluster_named_conf(config));
  if (config.has_hosts) {
    write_dns_file(folder, dns::kHostsFile, dns::hosts_zone(cluster_.dns.hosts));
  }
  for (std::size_t zone = 0; zone < config.zones.size(); ++zone) {
    write_dns_file(folder, dns::zone_file_name(config.zones[zone]),
                   book_.zone_file(zone, "ns.dns." + cluster_.dns.domain + "."));
  }
}

bool NameServers::is_mine(const model::Pod& pod) const { return is_on_ && objects::is_dns_pod(pod); }

void NameServers::before_start(const model::Pod& pod, int netns_fd) {
  Server& server = servers_[pod.key];
  server.folder = dns_folder(pod.key.name);
  if (!server.updater) {
    server.updater = std::make_unique<ZoneUpdater>(
        loop_, journal_, netns_fd,
        ZoneUpdater::Hooks{
            [this, key = pod.key] { on_ready(key); },
            [this, key = pod.key](const ZoneJournal::Batch& refused, const std::string& rcode) {
              on_refused(key, refused, rcode);
            },
            [this, key = pod.key](const std::string& why) { on_failed(key, why); }},
        patience_);
  }
  for (const store::Key& key : std::exchange(dirty_, {})) {
    read_object(key);
  }
  install_named();
  write_files(server.folder);
  if (!server.is_starting) {
    set_gate(pod.key, false, "the server starts again");
  }
  server.is_starting = true;
  server.updater->started(ends());
}

std::vector<kernel::FileBind> NameServers::binds_of(const model::Pod& pod) const {
  return named_binds(dns_folder(pod.key.name));
}

void NameServers::gone(const model::PodKey& pod) {
  const auto found = servers_.find(pod);
  if (found != servers_.end()) {
    std::error_code ignored;  // the folder goes with the lab at the latest
    std::filesystem::remove_all(found->second.folder, ignored);
    servers_.erase(found);
  }
}

void NameServers::on_ready(const model::PodKey& pod) {
  Server& server = servers_.at(pod);
  server.is_starting = false;
  has_been_ready_ = true;
  set_gate(pod, true);
}

// Without it the Service does not send questions there.
void NameServers::set_gate(const model::PodKey& pod, bool is_open, const std::string& why) {
  kubelet::set_gate(store_, pod, {kZonesLoaded, "ZonesLoaded", "ZonesNotLoaded"}, is_open, why);
}

void NameServers::on_refused(const model::PodKey& pod, const ZoneJournal::Batch& refused,
                             const std::string& rcode) {
  if (refused_.add(refused.owner, refused.change)) {
    const std::string what =
        "the DNS server " + to_string(pod) + " refuses a change of " + refused.change.zone + " with " + rcode;
    const std::string message = with_last_words(pod, what) + "; it is told again";
    if (const auto key = parse_key(refused.owner)) {
      warn(*key, "DNSUpdateRefused", message);
    } else {
      spdlog::error("{}", message);
    }
  }
  say_refused_later();
}

void NameServers::say_refused_later() {
  if (again_ == 0 && !refused_.empty()) {
    again_ = loop_.call_after(refused_.delay(), [this] {
      again_ = 0;
      refused_.say_again(book_, journal_);
      sync();
      say_refused_later();
    });
  }
}

void NameServers::on_failed(const model::PodKey& pod, const std::string& why) {
  warn(key_of_pod(pod), "DNSServerFailed", with_last_words(pod, why) + "; it is started again");
  set_gate(pod, false, why);
  life_.restart(pod, objects::kDnsContainer);
}

// What it said at the end, also of the run before when this one said nothing yet.
std::string NameServers::with_last_words(const model::PodKey& pod, const std::string& what) {
  constexpr std::size_t kLines = 3;
  std::string text;
  if (life_.contains(pod)) {
    const kubelet::ContainerLog& log = life_.log(pod, objects::kDnsContainer);
    std::vector<kubelet::LogLine> lines = log.lines(kLines);
    if (lines.empty()) {
      lines = log.lines(kLines, true);
    }
    for (const kubelet::LogLine& line : lines) {
      text += line.text + "\n";
    }
  }
  text = first_lines(text);
  return what + (text.empty() ? ", without a word" : ": " + text);
}

void NameServers::warn(const store::Key& object, const std::string& reason, const std::string& message) {
  spdlog::error("{}: {}", store::to_string(object), message);
  if (const store::ObjectPtr about = store_.find(object)) {
    objects::record(store_, *about, objects::EventType::Warning, reason, message, "dns");
  }
}

}  // namespace labctl::nameserver
