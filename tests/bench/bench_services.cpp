// bench_services [ROUNDS]: Services of three endpoints each loaded into one node, one endpoint of one of them
// moved, and a connection's first packet through them, beside raw netlink and kube-proxy's iptables mode, in
// turns. Ratios are what to quote: a bare time says as much about the machine.

#include "tests/bench/floor.hpp"
#include "tests/bench/lab_process.hpp"
#include "tests/bench/service_path.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/kernel/netlink_batch.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/sysctl.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace labctl::bench {
namespace {

constexpr int kSizes[] = {10, 100, 1000, 10000};
constexpr int kUpdates = 15, kConnects = 500, kConnectsAtOnce = 100;

UniqueFd current_namespace() {
  return UniqueFd(::fcntl(kernel::NetworkNamespace::current().fd(), F_DUPFD_CLOEXEC, 0));
}

void close_with_reset(UniqueFd fd) {
  const linger now{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// A client and the server, each in a namespace of its own, and between them the node that has the Services.
class Site {
 public:
  Site()
      : node_(make_node()),
        client_(make_end(0, "10.240.0.1", "10.240.0.2")),
        server_(make_end(1, "10.250.0.1", "10.250.0.2")) {
    const kernel::NamespaceScope scope(server_.get());
    kernel::NetlinkBatch more;
    for (int endpoint = 1; endpoint < kEndpoints; ++endpoint) {
      more.add_address(kEnd, server_address(endpoint), 24);
    }
    kernel::NetlinkSocket::open().send(more);
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_storage here{};
    const socklen_t size = IpAddress::any(Family::IPv4).to_sockaddr(kServerPort, here);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&here), size) != 0 ||
        ::listen(listener_.get(), 4096) != 0) {
      die("listen");
    }
  }

  int node() const { return node_.get(); }

  // Median time of a connect: over these links all of the handshake runs inside the call.
  double connect_us(const IpAddress& address, std::uint16_t port) {
    std::vector<double> times;
    for (int done = 0; done < kConnects; done += kConnectsAtOnce) {
      const kernel::NamespaceScope scope(client_.get());
      for (int i = 0; i < kConnectsAtOnce; ++i) {
        times.push_back(connect_once(address, port));
      }
      for (int fd; (fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
        close_with_reset(UniqueFd(fd));
      }
    }
    return median(std::move(times));
  }

 private:
  static UniqueFd make_node() {
    kernel::NamespaceScope scope;
    scope.enter_new();
    kernel::SysctlWriter sysctls;
    sysctls.namespace_changed();
    sysctls.write("net/ipv4/ip_forward", "1");
    kernel::NetlinkBatch batch;
    batch.set_link(1, true);
    kernel::NetlinkSocket::open().send(batch);
    return current_namespace();
  }

  UniqueFd make_end(int number, const char* gateway, const char* address) {
    const int near = 10 + number;
    kernel::NamespaceScope scope;
    scope.enter_new();
    UniqueFd end = current_namespace();
    kernel::VethOptions veth;
    veth.name = "end" + std::to_string(number);
    veth.ifindex = near;
    veth.namespace_fd = node_.get();
    veth.peer_name = "eth0";
    veth.peer_ifindex = kEnd;
    kernel::NetlinkBatch batch;
    batch.add_veth(veth);
    batch.set_link(kEnd, true);
    batch.add_address(kEnd, *IpAddress::parse(address), 24);
    batch.add_route({Prefix(), IpAddress::parse(gateway), kEnd, false});
    kernel::NetlinkSocket::open().send(batch);
    scope.enter(node_.get());
    batch.add_address(near, *IpAddress::parse(gateway), 24);
    kernel::NetlinkSocket::open().send(batch);
    return end;
  }

  static constexpr int kEnd = 2;  // the interface index of an end's link

  static double connect_once(const IpAddress& address, std::uint16_t port) {
    sockaddr_storage to{};
    const socklen_t size = address.to_sockaddr(port, to);
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const double begin = now_us();
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0) {
      die("connect");
    }
    const double time = now_us() - begin;
    close_with_reset(std::move(fd));
    return time;
  }

  UniqueFd node_, client_, server_, listener_;
};

struct Sample {
  double load_us = 0, update_us = 0;
  double first_us = 0, last_us = 0, direct_us = 0;
};

Sample measure_in(Site& site, const ServiceRow& row, int services) {
  site.connect_us(server_address(), kServerPort);  // neighbours are resolved, caches are warm
  const std::unique_ptr<ServicePath> path = row.make();
  Sample sample;
  {
    const kernel::NamespaceScope scope(site.node());
    path->prepare_load(services);
    const double begin = now_us();
    path->load();
    sample.load_us = now_us() - begin;
    std::vector<double> updates;
    for (int generation = 1; generation <= (services > row.largest_repeated ? 3 : kUpdates); ++generation) {
      path->prepare_update(services / 2, generation);
      const double start = now_us();
      path->update();
      updates.push_back(now_us() - start);
    }
    sample.update_us = median(std::move(updates));
  }
  sample.first_us = site.connect_us(service_address(0), kServicePort);
  sample.last_us = site.connect_us(service_address(services - 1), kServicePort);
  sample.direct_us = site.connect_us(server_address(), kServerPort);
  return sample;
}

// Waits until the kernel has freed the namespaces it used: that takes locks and a core.
Sample measure(const ServiceRow& row, int services) {
  Sentinel sentinel;
  Sample sample;
  {
    Site site;
    sample = measure_in(site, row, services);
  }
  sentinel.drop_and_wait();
  return sample;
}

double median_of(const std::vector<Sample>& samples, double Sample::*value) {
  std::vector<double> values;
  for (const Sample& sample : samples) {
    values.push_back(sample.*value);
  }
  return median(std::move(values));
}

// Of times measured in the same round.
double median_ratio(const std::vector<Sample>& samples, const std::vector<Sample>& floor,
                    double Sample::*value) {
  std::vector<double> ratios;
  ratios.reserve(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ratios.push_back(samples[i].*value / (floor[i].*value));
  }
  return median(std::move(ratios));
}

void report(int services, const ServiceRow& row, const std::vector<Sample>& samples,
            const std::vector<Sample>& floor) {
  std::printf("%8d %-16s ", services, row.name.c_str());
  if (!row.absent.empty() || samples.empty()) {
    std::printf("%s\n", row.absent.empty() ? "not measured: takes minutes" : row.absent.c_str());
    return;
  }
  std::printf("%9.2f %8.1f %10.1f %9.1f %8.1f %8.1f %8.1f\n", median_of(samples, &Sample::load_us) / 1e3,
              median_ratio(samples, floor, &Sample::load_us), median_of(samples, &Sample::update_us),
              median_ratio(samples, floor, &Sample::update_us), median_of(samples, &Sample::first_us),
              median_of(samples, &Sample::last_us), median_of(samples, &Sample::direct_us));
  std::fflush(stdout);
}

void measure_all(int rounds) {
  const std::vector<ServiceRow> rows = all_rows();
  for (const int services : kSizes) {
    std::vector<std::vector<Sample>> samples(rows.size());
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const bool is_wanted =
            services <= rows[i].largest && (round == 0 || services <= rows[i].largest_repeated);
        if (rows[i].absent.empty() && is_wanted) {
          samples[i].push_back(measure(rows[i], services));
        }
      }
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      report(services, rows[i], samples[i], samples.front());
    }
  }
}

}  // namespace
}  // namespace labctl::bench

int main(int argc, char** argv) {
  using namespace labctl::bench;
  enter_sandbox();
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  std::printf("%s; medians of %d rounds in turns\n", machine().c_str(), rounds);
  std::printf(
      "first, last, none: a connect by the first or the last Service, or to the server itself, in us\n");
  std::printf("%8s %-16s %9s %8s %10s %9s %8s %8s %8s\n", "services", "way", "load ms", "x floor",
              "update us", "x floor", "first", "last", "none");
  try {
    measure_all(rounds);
  } catch (const labctl::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
