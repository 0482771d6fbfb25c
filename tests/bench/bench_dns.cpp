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
constexpr int kQueries = 100'000, kQuestions = 20'000;
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

// A lab that is up for as long as this lives. (What ends the benchmark ends its PID namespace, and so all
// labs.)
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

// ---- From a change to the new answer -------------------------------------------------------------------

void time_change(Times& told, Times& answered, const std::function<void()>& tell,
                 const std::function<void()>& ask) {
  const double begin = now_us();
  tell();
  told.push_back(now_us() - begin);
  ask();
  answered.push_back(now_us() - begin);
}

void change_lab(api::Client& lab, DnsSocket& asking, Samples& samples) {
  for (int i = 1; i <= kChanges; ++i) {
    const IpAddress address = moving_endpoint(i);
    const std::string body =
        json{{"endpoints",
              json::array({{{"addresses", {to_string(address)}}, {"conditions", {{"ready", true}}}}})}}
            .dump();
    time_change(
        samples.moved_told, samples.moved, [&] { lab.patch(kSlice, body); },
        [&] { asking.ask_until(full_name("moving"), address, true); });
  }
  const model::Service made = made_service();
  const json object = {{"apiVersion", "v1"},
                       {"kind", "Service"},
                       {"metadata", {{"name", "made"}}},
                       {"spec",
                        {{"clusterIP", to_string(made.cluster_ips.front())},
                         {"ports", json::array({{{"name", "http"}, {"port", 80}}})}}}};
  const std::string body = object.dump();
  for (int i = 0; i < kChanges; ++i) {
    time_change(
        samples.made_told, samples.made, [&] { lab.post(kServices, body); },
        [&] { asking.ask_until(full_name("made"), made.cluster_ips.front(), true); });
    lab.del(std::string(kServices) + "/made");
    asking.ask_until(full_name("made"), made.cluster_ips.front(), false);
  }
}

void change_floor(BareNamed& named, Samples& samples) {
  for (int i = 1; i <= kChanges; ++i) {
    samples.moved_floor.push_back(
        named.change("moving", records_of_moving(i), full_name("moving"), moving_endpoint(i), true));
  }
  const model::Service made = made_service();
  for (int i = 0; i < kChanges; ++i) {
    const IpAddress& address = made.cluster_ips.front();
    samples.made_floor.push_back(named.change("made", records_of(made), full_name("made"), address, true));
    named.change("made", {}, full_name("made"), address, false);
  }
}

// ---- One round -----------------------------------------------------------------------------------------

double count_flood(Floods& floods, const Flood& flood) {
  floods.lost += flood.lost;
  floods.wrong += flood.wrong;
  return flood.per_second;
}

void measure_lab(int services, Samples& samples) {
  const UpLab up(services, true);
  samples.up.push_back(up.up_us());
  api::Client lab(supervisor::socket_path("bench"));
  const kernel::NetworkNamespace client = client_netns();
  DnsSocket by_service(client.fd(), *IpAddress::parse(kServer));
  const DnsSocket by_pod(client.fd(), dns_pod_address(lab));
  const std::vector<Question> questions = random_questions(services, kQuestions);
  Floods& floods = samples.floods;
  floods.service.push_back(count_flood(floods, by_service.flood(questions, kQueries)));
  floods.pod.push_back(count_flood(floods, by_pod.flood(questions, kQueries)));
  change_lab(lab, by_service, samples);
}

void measure_floor(int services, Samples& samples) {
  BareNamed named(services);
  samples.floor_start.push_back(named.start());
  Floods& floods = samples.floods;
  floods.floor.push_back(
      count_flood(floods, named.socket().flood(random_questions(services, kQuestions), kQueries)));
  change_floor(named, samples);
}

Samples measure(int services, int rounds) {
  Samples samples;
  for (int round = 0; round < rounds; ++round) {
    measure_lab(services, samples);
    samples.up_without.push_back(UpLab(services, false).up_us());
    measure_floor(services, samples);
  }
  return samples;
}

// ---- Reports -------------------------------------------------------------------------------------------

double percentile(Times times, double part) {
  std::sort(times.begin(), times.end());
  return times.at(
      std::min(times.size() - 1, static_cast<std::size_t>(part * static_cast<double>(times.size()))));
}

// Of times of the same round.
double median_difference(const Times& a, const Times& b) {
  Times differences;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences.push_back(a[i] - b[i]);
  }
  return median(std::move(differences));
}

void report_up(int services, const Samples& samples) {
  const double difference = median_difference(samples.up, samples.up_without);
  const double floor = median(samples.floor_start);
  std::printf(
      "%8d first answer   up %.0f ms, without DNS %.0f, difference %.0f; named alone %.0f; x floor %.2f\n",
      services, median(samples.up) / 1e3, median(samples.up_without) / 1e3, difference / 1e3, floor / 1e3,
      difference / floor);
}

void report_times(int services, const char* what, const Times& times, double floor) {
  std::printf("%8d %-24s %8.2f %8.2f %8.2f %8.2f %8.1f\n", services, what, median(times) / 1e3,
              percentile(times, 0.9) / 1e3, percentile(times, 0.99) / 1e3, percentile(times, 1) / 1e3,
              median(times) / floor);
}

void report_changes(int services, const Samples& samples) {
  std::printf("%8s %-24s %8s %8s %8s %8s %8s\n", "services", "ms from a change", "p50", "p90", "p99", "max",
              "x floor");
  const double moved = median(samples.moved_floor), made = median(samples.made_floor);
  report_times(services, "endpoint moved: API", samples.moved_told, moved);
  report_times(services, "  new answer", samples.moved, moved);
  report_times(services, "  UPDATE to named alone", samples.moved_floor, moved);
  report_times(services, "Service made: API", samples.made_told, made);
  report_times(services, "  first answer", samples.made, made);
  report_times(services, "  UPDATE to named alone", samples.made_floor, made);
}

void report_floods(int services, const Floods& floods) {
  const double service = median(floods.service), pod = median(floods.pod), floor = median(floods.floor);
  std::printf(
      "%8d answers/s      by the ClusterIP %.0f (x floor %.2f), by the pod's address %.0f (%.2f), named "
      "alone "
      "%.0f; lost %d, wrong %d\n",
      services, service, service / floor, pod, pod / floor, floor, floods.lost, floods.wrong);
}

void measure_all(int rounds, const std::vector<int>& sizes) {
  for (const int services : sizes) {
    const Samples samples = measure(services, rounds);
    report_up(services, samples);
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
  std::printf("%s; %d rounds in turns, %d changes and %d questions each\n", machine().c_str(), rounds,
              kChanges, kQueries);
  try {
    measure_all(rounds, sizes);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_dns: %s\n", error.what());
    return 1;
  }
  std::printf(
      "targets: difference under 1.5 x floor; p99 of a new answer under 20 ms with 10,000 Services\n");
  return 0;
}
