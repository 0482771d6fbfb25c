#include "tests/bench/service_path.hpp"

#include "tests/bench/floor.hpp"
#include "tests/bench/lab_process.hpp"
#include "topology/apply/service_table.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_batch.hpp"
#include "topology/kernel/nft_context.hpp"
#include "topology/plan/address_plan.hpp"
#include "topology/ruleset/node_ruleset.hpp"
#include "topology/ruleset/services/service_maps.hpp"
#include "topology/service/node_program.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

namespace labctl::bench {
namespace {

// One lookup finds how many endpoints a Service has, a second one of them by a
// random number; see topology/kernel/nft_batch.hpp.
constexpr const char* kMaps = R"(
table inet services {
  map services4 { typeof ip daddr . meta l4proto . th dport : meta mark; }
  map endpoints4 { typeof ip daddr . meta l4proto . th dport . numgen random mod 3 : ip daddr . th dport; }
  chain three {
    dnat ip addr . port to ip daddr . meta l4proto . th dport . numgen random mod 3 map @endpoints4
  }
  chain find {
    meta mark set ip daddr . meta l4proto . th dport map @services4
    meta mark vmap { 3 : goto three }
  }
  chain in { type nat hook prerouting priority -100; jump find; }
  chain out { type nat hook output priority -100; jump find; }
})";

struct ServiceKey {
  std::array<std::uint8_t, 4> address{};
  std::uint8_t protocol = IPPROTO_TCP;
  std::array<std::uint8_t, 3> pad1{};
  std::uint16_t port = htons(kServicePort);
  std::uint16_t pad2 = 0;
  std::uint32_t slot = 0;  // not part of a Service's own key
};

struct EndpointData {
  std::array<std::uint8_t, 4> address{};
  std::uint16_t port = htons(kServerPort);
  std::uint16_t pad = 0;
};

ServiceKey key_of(int service, int slot) {
  ServiceKey key;
  std::memcpy(key.address.data(), service_address(service).bytes().data(), key.address.size());
  key.slot = static_cast<std::uint32_t>(slot);
  return key;
}

EndpointData data_of(const IpAddress& endpoint) {
  EndpointData data;
  std::memcpy(data.address.data(), endpoint.bytes().data(), data.address.size());
  return data;
}

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Elements of two maps by raw netlink: what the kernel itself takes.
class Floor final : public ServicePath {
 public:
  void prepare_load(int services) override {
    services_ = services;
    kernel::NftContext::open().run(kMaps);
    socket_.emplace(kernel::NftSocket::open());
  }

  void load() override {
    const std::uint32_t count = kEndpoints;
    for (int i = 0; i < services_; ++i) {
      const ServiceKey key = key_of(i, 0);
      batch_.add("services4", {bytes_of(key).first(offsetof(ServiceKey, slot)), {}, bytes_of(count), {}});
      commit_when_full();
    }
    for (int i = 0; i < services_; ++i) {
      for (int slot = 0; slot < kEndpoints; ++slot) {
        const ServiceKey key = key_of(i, slot);
        const EndpointData server = data_of(server_address(slot));
        batch_.add("endpoints4", {bytes_of(key), {}, bytes_of(server), {}});
      }
      commit_when_full();
    }
    socket_->commit(batch_);
  }

  void prepare_update(int service, int generation) override {
    key_ = key_of(service, 0);
    endpoint_ = data_of(moved_endpoint(generation));
  }

  void update() override {
    batch_.remove("endpoints4", {bytes_of(key_), {}, {}, {}});
    batch_.add("endpoints4", {bytes_of(key_), {}, bytes_of(endpoint_), {}});
    socket_->commit(batch_);
  }

 private:
  // An ordinary user's transactions are small.
  void commit_when_full() {
    if (batch_.size_bytes() + 1024 > socket_->max_batch_bytes()) {
      socket_->commit(batch_);
    }
  }

  int services_ = 0;
  std::optional<kernel::NftSocket> socket_;
  kernel::NftBatch batch_{"services"};
  ServiceKey key_;
  EndpointData endpoint_;
};

// What a lab does: from Services and EndpointSlices, decoded, by the node's program to the kernel.
class Labctl final : public ServicePath {
 public:
  void prepare_load(int services) override {
    const model::Cluster cluster = plan::give_out_addresses(model::default_cluster("bench"));
    kernel::NftContext::open().run(ruleset::node_ruleset(cluster));
    node_ = {{cluster.nodes[0].name, ""}, cluster.nodes[0].addresses};
    namespace_ = kernel::NetworkNamespace::current();
    table_.emplace(namespace_.fd(), std::make_unique<ruleset::ServiceMaps>(cluster.nodes[0].pod_cidrs,
                                                                           cluster.network.pod_cidrs));
    for (int i = 0; i < services; ++i) {
      model::Service service;
      service.key = {"default", "service-" + std::to_string(i)};
      service.cluster_ips = {service_address(i)};
      service.ports = {{"http", model::Protocol::Tcp, kServicePort, 0}};
      model::EndpointSlice slice{service.key, {{"http", model::Protocol::Tcp, kServerPort}}, {}};
      for (int endpoint = 0; endpoint < kEndpoints; ++endpoint) {
        model::Endpoint one;
        one.address = server_address(endpoint);
        slice.endpoints.push_back(std::move(one));
      }
      services_.push_back(std::move(service));
      slices_.push_back(std::move(slice));
    }
  }

  void load() override {
    for (std::size_t i = 0; i < services_.size(); ++i) {
      set(i);
    }
    table_->commit();
  }

  void prepare_update(int service, int generation) override {
    changed_ = static_cast<std::size_t>(service);
    slices_[changed_].endpoints[0].address = moved_endpoint(generation);
  }

  void update() override {
    set(changed_);
    table_->commit();
  }

 private:
  void set(std::size_t i) {
    const model::EndpointSlice* slice = &slices_[i];
    table_->set("svc " + to_string(services_[i].key),
                service::node_program(services_[i], std::span(&slice, 1), node_));
  }

  kernel::NetworkNamespace namespace_;
  service::ProgramNode node_;
  std::optional<apply::ServiceTable> table_;
  std::vector<model::Service> services_;
  std::vector<model::EndpointSlice> slices_;
  std::size_t changed_ = 0;
};

// The chains of kube-proxy's iptables mode: one for all Services, one for each of them, one for each
// endpoint. An update writes the chains of one Service only.
class Iptables final : public ServicePath {
 public:
  explicit Iptables(std::string program) : program_(std::move(program)) {}

  void prepare_load(int services) override {
    std::string chains = "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n";
    std::string rules =
        "-A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n"
        "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000\n"
        "-A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE\n";
    for (int i = 0; i < services; ++i) {
      chains += ":" + service_chain(i) + " - [0:0]\n";
      for (int slot = 0; slot < kEndpoints; ++slot) {
        chains += ":" + endpoint_chain(i, slot, 0) + " - [0:0]\n";
        rules += endpoint_rules(i, slot, 0, server_address(slot));
      }
      rules += "-A KUBE-SERVICES -d " + to_string(service_address(i)) + "/32 -p tcp" +
               comment(i, " cluster IP") + " -m tcp --dport 80 -j " + service_chain(i) + "\n" +
               service_rules(i, 0);
    }
    write_file(file_, chains + rules + "COMMIT\n");
  }
  void load() override { restore(); }

  void prepare_update(int service, int generation) override {
    const std::string gone = endpoint_chain(service, 0, generation - 1);
    const std::string made = endpoint_chain(service, 0, generation);
    write_file(file_, "*nat\n:" + service_chain(service) + " - [0:0]\n:" + made + " - [0:0]\n:" + gone +
                          " - [0:0]\n" + endpoint_rules(service, 0, generation, moved_endpoint(generation)) +
                          service_rules(service, generation) + "-X " + gone + "\nCOMMIT\n");
  }
  void update() override { restore(); }

 private:
  void restore() { run({program_, "--noflush", file_}); }

  static std::string comment(int service, const std::string& rest) {
    return " -m comment --comment \"default/service-" + std::to_string(service) + ":http" + rest + "\"";
  }
  static std::string service_chain(int service) { return "KUBE-SVC-" + std::to_string(service); }
  static std::string endpoint_chain(int service, int slot, int generation) {
    return "KUBE-SEP-" + std::to_string(service) + "-" + std::to_string(slot) + "-" +
           std::to_string(generation);
  }
  // `generation` is that of the first endpoint.
  static std::string service_rules(int service, int generation) {
    const std::string chain = service_chain(service);
    std::string rules = "-A " + chain + " ! -s 10.240.0.0/16 -d " + to_string(service_address(service)) +
                        "/32 -p tcp" + comment(service, " cluster IP") +
                        " -m tcp --dport 80 -j KUBE-MARK-MASQ\n";
    constexpr std::array<const char*, kEndpoints> kShares{
        " -m statistic --mode random --probability 0.33333333349",
        " -m statistic --mode random --probability 0.50000000000", ""};
    for (int slot = 0; slot < kEndpoints; ++slot) {
      rules += "-A " + chain + comment(service, "") + kShares.at(static_cast<std::size_t>(slot)) + " -j " +
               endpoint_chain(service, slot, slot == 0 ? generation : 0) + "\n";
    }
    return rules;
  }
  static std::string endpoint_rules(int service, int slot, int generation, const IpAddress& endpoint) {
    const std::string chain = endpoint_chain(service, slot, generation);
    const std::string address = to_string(endpoint);
    return "-A " + chain + " -s " + address + "/32" + comment(service, "") + " -j KUBE-MARK-MASQ\n-A " +
           chain + " -p tcp" + comment(service, "") + " -m tcp -j DNAT --to-destination " + address + ":" +
           std::to_string(kServerPort) + "\n";
  }

  std::string program_;
  std::string file_ = "/run/services.iptables";
};

constexpr const char* kLegacy = "iptables-legacy-restore";
constexpr const char* kOverNft = "iptables-nft-restore";

// Whether the program is there and the kernel knows its tables.
std::string why_absent(const char* program) {
  write_file("/run/probe.iptables",
             "*nat\n-A OUTPUT -p tcp -m comment --comment x -m statistic --mode random --probability 0.5 "
             "-j DNAT --to-destination 192.0.2.1:1\nCOMMIT\n");
  const std::string script = std::string("command -v ") + program +
                             " > /dev/null || { echo not installed; exit 0; }; " + program +
                             " --test /run/probe.iptables 2>&1 | head -1";
  std::string answer = output_of({"sh", "-c", script});
  while (!answer.empty() && answer.back() == '\n') {
    answer.pop_back();
  }
  return answer;
}

}  // namespace

IpAddress service_address(int service) {
  return IpAddress::parse("172.30.0.10")->plus(static_cast<std::uint64_t>(service));
}
IpAddress server_address(int endpoint) {
  return IpAddress::parse("10.250.0.2")->plus(static_cast<std::uint64_t>(endpoint));
}
IpAddress moved_endpoint(int generation) {
  return IpAddress::parse("10.200.0.0")->plus(static_cast<std::uint64_t>(generation));
}

std::vector<ServiceRow> all_rows() {
  std::vector<ServiceRow> rows(4);
  rows[0].name = "floor";
  rows[0].make = []() -> std::unique_ptr<ServicePath> { return std::make_unique<Floor>(); };
  rows[1].name = "labctl";
  rows[1].make = []() -> std::unique_ptr<ServicePath> { return std::make_unique<Labctl>(); };
  rows[2].name = "iptables-legacy";
  rows[2].make = []() -> std::unique_ptr<ServicePath> { return std::make_unique<Iptables>(kLegacy); };
  rows[2].largest_repeated = 1000;
  rows[2].absent = why_absent(kLegacy);
  rows[3].name = "iptables-nft";
  rows[3].make = []() -> std::unique_ptr<ServicePath> { return std::make_unique<Iptables>(kOverNft); };
  rows[3].largest = 1000;
  rows[3].absent = why_absent(kOverNft);
  return rows;
}

}  // namespace labctl::bench
