// bench_dns [ROUNDS [SERVICES...]]: what the cluster's DNS costs, beside a bare `named` with the same
// records, in turns: `labctl up` with and without it, the time from a change of a Service to the new answer,
// and answers a second. "x floor" is the time (or rate) divided by the floor's of the same run, and the thing
// to quote: a bare time says as much about the machine.

#include "labctl/api/client.hpp"
#include "labctl/supervisor/registry.hpp"
#include "tests/bench/dns_load.hpp"
#include "tests/bench/floor.hpp"
#include "tests/bench/lab_process.hpp"
#include "topology/base/error.hpp"
#include "topology/kernel/network_namespace.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace labctl::bench {
namespace {

using nlohmann::json;

constexpr int kChanges = 200;
constexpr int kStarts = 3, kFloods = 4;
constexpr int kQueries = 25'000, kQuestions = 20'000;
constexpr const char* kLabFile = "/run/lab.yaml";
constexpr const char* kServer = "10.96.0.10";
constexpr const char* kServices = "/api/v1/namespaces/default/services";
constexpr const char* kSlice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/moving-1";

using Times = std::vector<double>;

struct Floods {
  Times service, pod, floor;
  int lost = 0, wrong = 0;
};

// All of one number of Services.
struct Samples {
  Times up, up_without, floor_start;
  Times moved_told, moved, moved_floor;  // told: until the API has answered
  Times made_told, made, made_floor;
  Floods floods;
};

std::string labctl() { return labctl_program(); }

// A lab that is up for as long as this lives. (What ends the benchmark ends
// its PID namespace, and so all labs.)
class UpLab {
 public:
  UpLab(int services, bool has_dns) {
    write_file(kLabFile, dns_lab_file(services, has_dns));
    up_us_ = run({labctl(), "up", kLabFile, "--quiet"});
  }
  ~UpLab() { run({labctl(), "down", "bench", "--quiet"}); }
  UpLab(const UpLab&) = delete;
  UpLab& operator=(const UpLab&) = delete;

  double up_us() const { return up_us_; }

 private:
  double up_us_ = 0;
};

// The network namespace of the pod that asks: its program is the only one of this kind in the sandbox.
kernel::NetworkNamespace client_netns() {
  const std::string wanted("sleep\0infinity\0", 15);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    if (std::string(std::istreambuf_iterator<char>(file), {}) == wanted) {
      return kernel::NetworkNamespace::open(entry.path() / "ns/net");
    }
  }
  throw Error(ErrorKind::NotFound, "the process of the pod client is not there");
}

IpAddress dns_pod_address(api::Client& lab) {
  const json pods = lab.get("/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns").json();
  return *IpAddress::parse(pods.at("items").at(0).at("status").at("podIP").get<std::string>());
}

// ---- In a running lab ----------------------------------------------------------------------------------

// The lab and the floor, both up, so that all is measured in turns.
struct Running {
  explicit Running(int services)
      : lab(services, true),
        named(services),
        api(supervisor::socket_path("bench")),
        client(client_netns()),
        by_service(client.fd(), *IpAddress::parse(kServer)),
        by_pod(client.fd(), dns_pod_address(api)) {
    named.start();
  }

  const UpLab lab;
  BareNamed named;
  api::Client api;
  const kernel::NetworkNamespace client;
  DnsSocket by_service;
  const DnsSocket by_pod;
};

void time_change(Times& told, Times& answered, const std::function<void()>& tell,
                 const std::function<void()>& ask) {
  const double begin = now_us();
  tell();
  told.push_back(now_us() - begin);
  ask();
  answered.push_back(now_us() - begin);
}

void move_endpoint(Running& running, int generation, Samples& samples) {
  const IpAddress address = moving_endpoint(generation);
  const std::string name = full_name("moving");
  const json endpoint = {{"addresses", {to_string(address)}}, {"conditions", {{"ready", true}}}};
  const std::string body = json{{"endpoints", json::array({endpoint})}}.dump();
  time_change(
      samples.moved_told, samples.moved, [&] { running.api.patch(kSlice, body); },
      [&] { running.by_service.ask_until(name, address, true); });
  samples.moved_floor.push_back(
      running.named.change("moving", records_of_moving(generation), name, address, true));
}

void make_service(Running& running, Samples& samples) {
  const model::Service made = made_service();
  const IpAddress& address = made.cluster_ips.front();
  const std::string name = full_name(made.key.name);
  const json spec = {{"clusterIP", to_string(address)},
                     {"ports", json::array({{{"name", "http"}, {"port", 80}}})}};
  const std::string body = json{
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", {{"name", made.key.name}}},
      {"spec", spec}}.dump();
  time_change(
      samples.made_told, samples.made, [&] { running.api.post(kServices, body); },
      [&] { running.by_service.ask_until(name, address, true); });
  samples.made_floor.push_back(running.named.change(made.key.name, records_of(made), name, address, true));
  running.api.send("DELETE", std::string(kServices) + "/" + made.key.name);
  running.by_service.ask_until(name, address, false);
  running.named.change(made.key.name, {}, name, address, false);
}

void flood(const DnsSocket& asking, const std::vector<Question>& questions, Times& rates, Floods& floods) {
  const Flood flood = asking.flood(questions, kQueries);
  rates.push_back(flood.per_second);
  floods.lost += flood.lost;
  floods.wrong += flood.wrong;
}

void measure_running(int services, Samples& samples) {
  Running running(services);
  const std::vector<Question> questions = random_questions(services, kQuestions);
  const DnsSocket by_loopback = running.named.socket();
  Floods& floods = samples.floods;
  for (int turn = 0; turn < kFloods; ++turn) {
    flood(running.by_service, questions, floods.service, floods);
    flood(running.by_pod, questions, floods.pod, floods);
    flood(by_loopback, questions, floods.floor, floods);
  }
  for (int i = 1; i <= kChanges; ++i) {
    move_endpoint(running, i, samples);
    make_service(running, samples);
  }
}

// ---- Starts --------------------------------------------------------------------------------------------

void measure_starts(int services, Samples& samples) {
  for (int turn = 0; turn < kStarts; ++turn) {
    samples.up.push_back(UpLab(services, true).up_us());
    samples.up_without.push_back(UpLab(services, false).up_us());
    samples.floor_start.push_back(BareNamed(services).start());
  }
}

Samples measure(int services, int rounds) {
  Samples samples;
  for (int round = 0; round < rounds; ++round) {
    measure_starts(services, samples);
    measure_running(services, samples);
  }
  return samples;
}

// ---- Reports -------------------------------------------------------------------------------------------

double percentile(Times times, double part) {
  std::sort(times.begin(), times.end());
  return times.at(
      std::min(times.size() - 1, static_cast<std::size_t>(part * static_cast<double>(times.size()))));
}

Times differences(const Times& a, const Times& b) {
  Times results;
  std::transform(a.begin(), a.end(), b.begin(), std::back_inserter(results), std::minus<>());
  return results;
}

// Of what was measured in the same turn.
double median_ratio(const Times& a, const Times& b) {
  Times ratios;
  std::transform(a.begin(), a.end(), b.begin(), std::back_inserter(ratios), std::divides<>());
  return median(std::move(ratios));
}

void report_starts(int services, const Samples& samples) {
  const Times added = differences(samples.up, samples.up_without);
  std::printf("%8s %-24s %8s %8s %8s %8s %8s\n", "services", "ms to the first answer", "with", "without",
              "adds", "alone", "x floor");
  std::printf("%8d %-24s %8.0f %8.0f %8.0f %8.0f %8.2f\n", services, "labctl up", median(samples.up) / 1e3,
              median(samples.up_without) / 1e3, median(added) / 1e3, median(samples.floor_start) / 1e3,
              median_ratio(added, samples.floor_start));
}

void report_times(int services, const char* what, const Times& times, const Times& floor) {
  std::printf("%8d %-24s %8.2f %8.2f %8.2f %8.2f %8.2f\n", services, what, median(times) / 1e3,
              percentile(times, 0.9) / 1e3, percentile(times, 0.99) / 1e3, percentile(times, 1) / 1e3,
              median_ratio(times, floor));
}

void report_changes(int services, const Samples& samples) {
  std::printf("%8s %-24s %8s %8s %8s %8s %8s\n", "services", "ms from a change", "p50", "p90", "p99", "max",
              "x floor");
  report_times(services, "endpoint moved: API", samples.moved_told, samples.moved_floor);
  report_times(services, "  new answer", samples.moved, samples.moved_floor);
  report_times(services, "  UPDATE to named alone", samples.moved_floor, samples.moved_floor);
  report_times(services, "Service made: API", samples.made_told, samples.made_floor);
  report_times(services, "  first answer", samples.made, samples.made_floor);
  report_times(services, "  UPDATE to named alone", samples.made_floor, samples.made_floor);
}

void report_floods(int services, const Floods& floods) {
  const auto report = [&](const char* what, const Times& rates) {
    std::printf("%8d %-24s %8.0f %44.2f\n", services, what, median(rates), median_ratio(rates, floods.floor));
  };
  std::printf("%8s %-24s %8s %44s\n", "services", "answers", "a second", "x floor");
  report("by the ClusterIP", floods.service);
  report("by the pod's address", floods.pod);
  report("named alone", floods.floor);
  if (floods.lost + floods.wrong > 0) {
    std::printf("%8d %d answers lost, %d wrong\n", services, floods.lost, floods.wrong);
  }
}

void measure_all(int rounds, const std::vector<int>& sizes) {
  for (const int services : sizes) {
    const Samples samples = measure(services, rounds);
    report_starts(services, samples);
    report_changes(services, samples);
    report_floods(services, samples.floods);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace labctl::bench

int main(int argc, char** argv) {
  using namespace labctl::bench;
  enter_sandbox();
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  std::vector<int> sizes;
  for (int i = 2; i < argc; ++i) {
    sizes.push_back(std::max(1, std::atoi(argv[i])));
  }
  if (sizes.empty()) {
    sizes = {100, 1000, 10000};
  }
  std::printf("%s; medians of %d rounds in turns, %d changes and %d questions each\n", machine().c_str(),
              rounds, kChanges, kFloods * kQueries);
  try {
    measure_all(rounds, sizes);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_dns: %s\n", error.what());
    return 1;
  }
  std::printf(
      "targets: DNS adds to `up` less than 1.5 x floor; p99 of a new answer under 20 ms with 10,000 "
      "Services\n");
  return 0;
}
