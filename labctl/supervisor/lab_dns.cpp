#include "labctl/supervisor/lab_dns.hpp"

#include "labctl/controllers/dns_objects.hpp"
#include "labctl/controllers/events.hpp"
#include "labctl/controllers/objects.hpp"
#include "labctl/supervisor/named_files.hpp"
#include "topology/base/error.hpp"
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

namespace labctl::supervisor {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kCheckWithin{30};
constexpr std::chrono::seconds kReadyWithin{30};

std::vector<IpAddress> pod_ips(const json& pod) {
  std::vector<IpAddress> addresses;
  for (const json& ip : controllers::list_at(pod, "status.podIPs")) {
    if (const auto address = IpAddress::parse(controllers::text_at(ip, "ip"))) {
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
    return controllers::is_finished(pod) ? json::array() : controllers::list_at(pod, "status.podIPs");
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
std::string words_of(const std::string& output) {
  constexpr int kLines = 3;
  std::istringstream lines(output);
  std::string words;
  int count = 0;
  for (std::string line; count < kLines && std::getline(lines, line); ++count) {
    words += (words.empty() ? "" : "; ") + line;
  }
  return words;
}

store::Key key_of_pod(const model::PodKey& pod) { return {"pods", pod.ns, pod.name}; }

}  // namespace

bool needs_named(const model::Cluster& cluster, const std::vector<manifest::Object>& objects) {
  return cluster.dns.enabled &&
         std::none_of(objects.begin(), objects.end(), [](const manifest::Object& object) {
           return object.ns == controllers::kDnsNamespace && object.name == controllers::kDnsName &&
                  (object.kind == "Service" || object.kind == "Deployment");
         });
}

LabDns::LabDns(MainLoop& loop, kernel::Reaper& reaper, store::Store& store, const model::Cluster& cluster,
               controllers::PodLife& life)
    : loop_(loop),
      store_(store),
      cluster_(cluster),
      life_(life),
      book_(dns::zones_of(cluster)),
      journal_(book_.zones()),
      outside_(loop, reaper, cluster),
      checks_(loop, reaper) {}

// ---- Objects -------------------------------------------------------------------------------------------

void LabDns::create_service(controllers::ServiceAllocation& services,
                            const std::vector<manifest::Object>& objects) {
  is_on_ = needs_named(cluster_, objects);
  has_been_ready_ = !is_on_;
  if (!is_on_) {
    return;
  }
  subscription_ = store_.on_change([this](const store::Change& change) { note(change); });
  json service = controllers::dns_service(cluster_);
  manifest::fill_in_defaults(service, "Service");
  const store::Key key = store::key_of("services", service);
  services.create(key, std::move(service));
  const std::vector<IpAddress> addresses = controllers::dns_addresses(cluster_);
  life_.set_cluster_dns(addresses);
  set_records("", dns::schema_records(cluster_.dns.domain, addresses));
  for (const store::ObjectPtr& ns : store_.list("namespaces")) {
    dirty_.insert({"namespaces", "", controllers::name_of(*ns)});
  }
}

void LabDns::create_servers() {
  if (is_on_) {
    json deployment = controllers::dns_deployment(cluster_);
    manifest::fill_in_defaults(deployment, "Deployment");
    const store::Key key = store::key_of("deployments", deployment);
    store_.create(key, std::move(deployment));
  }
}

// ---- Records -------------------------------------------------------------------------------------------

void LabDns::note(const store::Change& change) {
  if ((change.key.resource == "pods" && changes_addresses(change)) || change.key.resource == "namespaces") {
    dirty_.insert(change.key);
  }
}

void LabDns::read_object(const store::Key& key) {
  const store::ObjectPtr object = store_.find(key);
  std::vector<dns::Record> records;
  if (object != nullptr && key.resource == "namespaces") {
    records = dns::namespace_records(key.name, cluster_.dns.domain);
  } else if (object != nullptr && !controllers::is_finished(*object)) {
    records = dns::pod_records(key.ns, pod_ips(*object), cluster_.dns.domain);
  }
  set_records(store::to_string(key), std::move(records));
}

void LabDns::note_service(const model::Service& service,
                          const std::vector<const model::EndpointSlice*>& slices, bool is_gone) {
  if (is_on_) {
    set_records(
        store::to_string(store::Key{"services", service.key.ns, service.key.name}),
        is_gone ? std::vector<dns::Record>() : dns::service_records(service, slices, cluster_.dns.domain));
  }
}

void LabDns::set_records(const std::string& owner, std::vector<dns::Record> records) {
  for (dns::ZoneChange& change : book_.set(owner, std::move(records))) {
    if (!servers_.empty()) {  // the first one starts with all there is
      journal_.add(owner, std::move(change));
    }
  }
}

void LabDns::sync() {
  for (const store::Key& key : std::exchange(dirty_, {})) {
    read_object(key);
  }
  for (auto& [pod, server] : servers_) {
    server.updater->push();
  }
  trim();
}

LabDns::Positions LabDns::ends() const {
  Positions positions;
  for (std::size_t zone = 0; zone < book_.zones().size(); ++zone) {
    positions.push_back(journal_.end(zone));
  }
  return positions;
}

void LabDns::trim() {
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

void LabDns::start_outside(int router_netns_fd) {
  if (!is_on_) {
    return;
  }
  outside_.start(router_netns_fd);
  if (cluster_.outside.dns_records.empty()) {
    return;
  }
  kernel::ProcessOptions options;
  options.argv = check_command(outside_.folder());
  checks_.run(std::move(options), kCheckWithin, [this](const controllers::CapturedEnd& end) {
    if (!end.error.empty()) {  // without words it did not look: then the server itself shows
      outside_refusal_ = words_of(end.output);
    }
  });
}

void LabDns::wait_until_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kReadyWithin;
  const auto is_done = [this] {
    return !outside_refusal_.empty() || (has_been_ready_ && (!is_on_ || outside_.is_ready()));
  };
  const bool is_in_time = loop_.run_until(is_done, deadline);
  if (!outside_refusal_.empty()) {
    throw Error(ErrorKind::InvalidInput, "outside.dns.records: named refuses the zone: " + outside_refusal_);
  }
  if (is_in_time) {
    return;
  }
  std::string words = outside_.is_ready() ? "" : "outside: " + outside_.last_words();
  for (const auto& [pod, server] : servers_) {
    words += (words.empty() ? "" : "; ") + to_string(pod) + ": " + last_words(pod);
  }
  throw Error(ErrorKind::Timeout, "the lab's DNS servers do not answer: " + words,
              "dns: {enabled: false} in the Cluster does without");
}

void LabDns::write_files(const std::string& folder) const {
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

void LabDns::before_start(const model::Pod& pod, int netns_fd) {
  if (!is_on_ || !controllers::is_dns_pod(pod)) {
    return;
  }
  Server& server = servers_[pod.key];
  server.folder = dns_folder(pod.key.name);
  if (!server.updater) {
    server.updater = std::make_unique<DnsUpdater>(
        loop_, journal_, netns_fd,
        DnsUpdater::Hooks{[this, key = pod.key] { on_ready(key); },
                          [this, key = pod.key](const auto& owner, const auto& zone, const auto& rcode) {
                            on_refused(key, owner, zone, rcode);
                          },
                          [this, key = pod.key](const std::string& why) { on_failed(key, why); }});
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

void LabDns::forget(const model::PodKey& pod) {
  const auto found = servers_.find(pod);
  if (found != servers_.end()) {
    std::error_code ignored;  // the folder goes with the lab at the latest
    std::filesystem::remove_all(found->second.folder, ignored);
    servers_.erase(found);
  }
}

void LabDns::on_ready(const model::PodKey& pod) {
  Server& server = servers_.at(pod);
  server.is_starting = false;
  has_been_ready_ = true;
  set_gate(pod, true);
}

// The condition of the pod's readiness gate: without it the Service does not send questions there.
void LabDns::set_gate(const model::PodKey& pod, bool is_open, const std::string& why) {
  const store::Key key = key_of_pod(pod);
  if (store_.find(key) != nullptr) {
    store_.modify(key, [&](json& object) {
      controllers::set_condition(object["status"], controllers::kZonesLoaded, is_open ? "True" : "False",
                                 store_.clock().wall(), is_open ? "ZonesLoaded" : "ZonesNotLoaded", why);
    });
  }
}

void LabDns::on_refused(const model::PodKey& pod, const std::string& owner, const std::string& zone,
                        const std::string& rcode) {
  const std::string message = "the DNS server " + to_string(pod) +
                              " keeps what it had: it refuses a change of " + zone + " with " + rcode + ": " +
                              last_words(pod);
  if (const auto key = parse_key(owner)) {
    warn(*key, "DNSUpdateRefused", message);
  } else {
    spdlog::error("{}", message);
  }
}

void LabDns::on_failed(const model::PodKey& pod, const std::string& why) {
  warn(key_of_pod(pod), "DNSServerFailed", why + ": " + last_words(pod) + "; it is started again");
  set_gate(pod, false, why);
  life_.restart(pod, controllers::kDnsContainer);
}

std::string LabDns::last_words(const model::PodKey& pod) {
  constexpr std::size_t kLines = 3;
  std::string text;
  if (life_.contains(pod)) {
    for (const controllers::LogLine& line : life_.log(pod, controllers::kDnsContainer).lines(kLines)) {
      text += (text.empty() ? "" : "; ") + line.text;
    }
  }
  return text;
}

void LabDns::warn(const store::Key& object, const std::string& reason, const std::string& message) {
  spdlog::error("{}: {}", store::to_string(object), message);
  if (const store::ObjectPtr about = store_.find(object)) {
    controllers::record(store_, *about, controllers::EventType::Warning, reason, message, "dns");
  }
}

}  // namespace labctl::supervisor
