#include "tests/bench/dns_load.hpp"

#include "labctl/nameserver/update_message.hpp"
#include "tests/bench/floor.hpp"
#include "tests/bench/lab_process.hpp"
#include "topology/dns/named_conf.hpp"
#include "topology/dns/service_records.hpp"
#include "topology/kernel/netlink_batch.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/program_lookup.hpp"
#include "topology/model/cluster.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <utility>

namespace labctl::bench {
namespace {

constexpr std::uint16_t kDnsPort = 53, kHttpPort = 80;
constexpr const char* kDomain = "cluster.local";
constexpr const char* kNamespace = "default";
constexpr const char* kMoving = "moving";
constexpr int kFirstAddress = 1024;  // of the Service range: behind those that the lab itself takes
constexpr const char* kFolder = "/run/bare-named";
constexpr int kReplyWithinMs = 1000;
constexpr double kAnswerWithinUs = 30e6;
constexpr int kOnTheirWay = 64;
constexpr std::size_t kHeaderSize = 12;               // of a DNS message
constexpr const char* kMovingFirst = "10.244.128.0";  // in the pods' range, of no pod
// Without its Service links: no program starts with the variables of 10,000 Services.
constexpr const char* kOtherObjects = R"(---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {enableServiceLinks: false, containers: [{name: client, image: host, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Service
metadata: {name: moving}
spec: {clusterIP: None, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: moving-1, labels: {kubernetes.io/service-name: moving}}
addressType: IPv4
ports: [{name: http, port: 80}]
endpoints: [{addresses: [10.244.128.0]}]
)";

const model::Cluster& cluster() {
  static const model::Cluster cluster = model::default_cluster("bench");
  return cluster;
}

std::vector<std::uint8_t> encode(const std::string& name, const std::string& type, std::uint16_t id) {
  return protocol::encode_dns_query({.name = name, .type = type, .edns = false}, id);
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_dns: %s\n", why.c_str());
  std::exit(1);
}

UniqueFd make_netns() {
  kernel::NamespaceScope scope;
  scope.enter_new();
  kernel::NetlinkBatch batch;
  batch.set_link(1, true);
  kernel::NetlinkSocket::open().send(batch);
  return UniqueFd(::fcntl(kernel::NetworkNamespace::current().fd(), F_DUPFD_CLOEXEC, 0));
}

// One record each way for each question: a Service has no address of IPv6.
Question question_about(int service, int kind) {
  const model::Service about = plain_service(service);
  const std::string name = full_name(about.key.name);
  switch (kind) {
    case 0:
    case 1:
    case 2:
      return {encode(name, "A", 0), 1};
    case 3:
    case 4:
      return {encode(name, "AAAA", 0), 0};
    case 5:
      return {encode("_http._tcp." + name, "SRV", 0), 1};
    default:
      return {encode(dns::reverse_name(about.cluster_ips.front()), "PTR", 0), 1};
  }
}

// NOERROR, authoritative, and so many records.
bool is_right(const std::vector<std::uint8_t>& reply, const Question& question) {
  return (reply[2] & 0x84) == 0x84 && (reply[3] & 0x0f) == 0 &&
         (reply[6] << 8 | reply[7]) == question.answers;
}

model::Service moving_service() {
  model::Service service;
  service.key = {kNamespace, kMoving};
  service.ports = {{"http", model::Protocol::Tcp, kHttpPort, 0}};
  service.is_headless = true;
  return service;
}

}  // namespace

// ---- Services ------------------------------------------------------------------------------------------

model::Service plain_service(int number) {
  model::Service service;
  service.key = {kNamespace, "svc-" + std::to_string(number)};
  service.cluster_ips = {cluster().network.service_cidrs.front().address().plus(
      static_cast<std::uint64_t>(kFirstAddress + number))};
  service.ports = {{"http", model::Protocol::Tcp, kHttpPort, 0}};
  return service;
}

model::Service made_service() {
  model::Service service = plain_service(-1);
  service.key.name = "made";
  return service;
}

std::vector<dns::Record> records_of(const model::Service& service) {
  return dns::service_records(service, {}, kDomain);
}

IpAddress moving_endpoint(int generation) {
  return IpAddress::parse(kMovingFirst)->plus(static_cast<std::uint64_t>(generation));
}

std::vector<dns::Record> records_of_moving(int generation) {
  const model::Service service = moving_service();
  model::EndpointSlice slice;
  slice.service = service.key;
  slice.ports = {{"http", model::Protocol::Tcp, kHttpPort}};
  slice.endpoints.emplace_back().address = moving_endpoint(generation);
  return dns::service_records(service, {&slice}, kDomain);
}

std::string full_name(const std::string& service) { return service + "." + kNamespace + ".svc." + kDomain; }

std::string dns_lab_file(int services, bool has_dns) {
  std::string text =
      "apiVersion: labctl.dev/v1alpha1\nkind: Cluster\nmetadata: {name: bench}\nspec: {nodes: 1, dns: "
      "{enabled: ";
  text += has_dns ? "true" : "false";
  text += "}}\n";
  text += kOtherObjects;
  for (int i = 0; i < services; ++i) {
    const model::Service service = plain_service(i);
    text += "---\n{apiVersion: v1, kind: Service, metadata: {name: " + service.key.name +
            "}, spec: {clusterIP: " + to_string(service.cluster_ips.front()) +
            ", ports: [{name: http, port: 80}]}}\n";
  }
  return text;
}

std::vector<Question> random_questions(int services, int count) {
  constexpr int kKinds = 7;
  std::mt19937 random(1);
  std::vector<Question> questions;
  for (int i = 0; i < count; ++i) {
    questions.push_back(
        question_about(static_cast<int>(random() % static_cast<unsigned>(services)), i % kKinds));
  }
  return questions;
}

// ---- Asking --------------------------------------------------------------------------------------------

DnsSocket::DnsSocket(int netns_fd, const IpAddress& server) {
  const kernel::NamespaceScope scope(netns_fd);
  fd_.reset(::socket(server.af(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage to{};
  const socklen_t size = server.to_sockaddr(kDnsPort, to);
  if (!fd_ || ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0) {
    die("a socket to the DNS server");
  }
}

void DnsSocket::send(const std::vector<std::uint8_t>& message) const {
  // The first try may only report that nobody took the datagram before.
  for (int tries = 0; tries < 2; ++tries) {
    if (::send(fd_.get(), message.data(), message.size(), 0) >= 0) {
      return;
    }
    if (errno != ECONNREFUSED) {
      die("ask the DNS server");
    }
  }
}

std::vector<std::uint8_t> DnsSocket::receive(int within_ms) const {
  pollfd wanted{fd_.get(), POLLIN, 0};
  std::array<std::uint8_t, 65536> buffer;
  ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && errno == EAGAIN && ::poll(&wanted, 1, within_ms) > 0) {
    size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  }
  return {buffer.begin(), buffer.begin() + std::max<ssize_t>(size, 0)};
}

protocol::DnsReply DnsSocket::ask(const std::string& name, const std::string& type) {
  const protocol::DnsQuestion question{.name = name, .type = type, .edns = false};
  send(protocol::encode_dns_query(question, ++id_));
  for (;;) {
    const std::vector<std::uint8_t> message = receive(kReplyWithinMs);
    protocol::DnsReply reply = protocol::decode_dns_reply(message, question, id_);
    if (reply.is_reply || message.empty()) {
      return reply;
    }
  }
}

void DnsSocket::ask_until(const std::string& name, const IpAddress& address, bool is_there) {
  const double begin = now_us();
  for (;;) {
    const protocol::DnsReply reply = ask(name, "A");
    const std::vector<IpAddress> has = protocol::addresses_in(reply);
    if (reply.is_reply && (std::find(has.begin(), has.end(), address) != has.end()) == is_there) {
      return;
    }
    if (now_us() - begin > kAnswerWithinUs) {
      give_up(name + " never had the new answer: " + reply.rcode + " " + reply.reason);
    }
  }
}

Flood DnsSocket::flood(const std::vector<Question>& questions, int count) const {
  Flood result;
  std::vector<std::uint8_t> message;
  int sent = 0, back = 0;
  const double begin = now_us();
  while (back + result.lost < count) {
    for (; sent < count && sent - back - result.lost < kOnTheirWay; ++sent) {
      // The message's id is its place among the questions.
      const std::size_t at = static_cast<std::size_t>(sent) % questions.size();
      message = questions[at].message;
      message[0] = static_cast<std::uint8_t>(at >> 8);
      message[1] = static_cast<std::uint8_t>(at);
      send(message);
    }
    const std::vector<std::uint8_t> reply = receive(kReplyWithinMs);
    if (reply.size() < kHeaderSize) {
      result.lost = sent - back;
      continue;
    }
    ++back;
    const std::size_t at = static_cast<std::size_t>(reply[0] << 8 | reply[1]);
    result.wrong += at >= questions.size() || !is_right(reply, questions[at]) ? 1 : 0;
  }
  result.per_second = back / (now_us() - begin) * 1e6;
  return result;
}

// ---- The floor -----------------------------------------------------------------------------------------

BareNamed::BareNamed(int services)
    : netns_(make_netns()), book_(dns::zones_of(cluster())), last_(plain_service(services - 1).key.name) {
  namespace fs = std::filesystem;
  book_.set("", dns::schema_records(kDomain, {IpAddress::loopback(Family::IPv4)}));
  book_.set(kMoving, records_of_moving(0));
  for (int i = 0; i < services; ++i) {
    const model::Service service = plain_service(i);
    book_.set(service.key.name, records_of(service));
  }
  const std::string folder = kFolder;
  fs::create_directories(folder);
  // AppArmor holds the original to folders that are not ours.
  fs::copy_file(kernel::find_program("named", kernel::kDefaultPath, "/", ""), folder + "/named",
                fs::copy_options::overwrite_existing);
  dns::ServerConfig config;
  config.directory = folder;
  config.zones = book_.zones();
  write_file(folder + "/named.conf", dns::cluster_named_conf(config));
  for (std::size_t zone = 0; zone < config.zones.size(); ++zone) {
    write_file(folder + "/" + dns::zone_file_name(config.zones[zone]),
               book_.zone_file(zone, "ns.dns." + std::string(kDomain) + "."));
  }
}

BareNamed::~BareNamed() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;  // it is a folder of our own /run
  std::filesystem::remove_all(kFolder, ignored);
}

double BareNamed::start() {
  DnsSocket asking = socket();
  const kernel::NamespaceScope scope(netns_.get());
  const std::string program = std::string(kFolder) + "/named", conf = std::string(kFolder) + "/named.conf";
  const double begin = now_us();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execl(program.c_str(), program.c_str(), "-f", "-n", "1", "-c", conf.c_str(), nullptr);
    ::_exit(127);
  }
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const std::string& zone : book_.zones()) {
    wanted.emplace_back(zone, "SOA");
  }
  wanted.emplace_back(full_name(last_), "A");
  for (const auto& [name, type] : wanted) {
    while (asking.ask(name, type).outcome != probes::Outcome::Ok) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0 || now_us() - begin > kAnswerWithinUs) {
        give_up("the bare named does not answer for " + name);
      }
      ::poll(nullptr, 0, 1);  // it needs the processor
    }
  }
  return now_us() - begin;
}

double BareNamed::change(const std::string& owner, std::vector<dns::Record> records, const std::string& name,
                         const IpAddress& address, bool is_there) {
  DnsSocket asking = socket();
  const DnsSocket telling = socket();
  std::vector<std::vector<std::uint8_t>> messages;
  for (const dns::ZoneChange& change : book_.set(owner, std::move(records))) {
    messages.push_back(nameserver::encode_dns_update(change, static_cast<std::uint16_t>(messages.size())));
  }
  const double begin = now_us();
  for (const std::vector<std::uint8_t>& message : messages) {
    telling.send(message);
  }
  asking.ask_until(name, address, is_there);
  const double took = now_us() - begin;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::vector<std::uint8_t> reply = telling.receive(kReplyWithinMs);
    if (reply.size() < kHeaderSize || (reply[3] & 0x0f) != 0) {
      give_up("the bare named refuses an update");
    }
  }
  return took;
}

DnsSocket BareNamed::socket() const { return {netns_.get(), IpAddress::loopback(Family::IPv4)}; }

}  // namespace labctl::bench
