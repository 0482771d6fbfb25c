// bench_build [ROUNDS]: from `labctl up` to ready, memory a pod and `labctl down`, beside the raw-netlink
// floor and `ip -batch` building the same cluster, in turns. Ratios are what to quote: a bare time says as
// much about the machine.

#include "tests/bench/floor.hpp"
#include "tests/bench/lab_process.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace labctl::bench {
namespace {

struct Size {
  int nodes, pods;
  bool with_ip_batch;  // minutes at the larger sizes
};
constexpr Size kSizes[] = {{3, 10, true}, {3, 100, true}, {10, 100, false}, {10, 500, false}};

struct Sample {
  double up_us = 0, floor_us = 0, batch_us = 0, down_us = 0, kernel_bytes = 0, own_bytes = 0;
};

// Resident memory of the lab's supervisor.
double supervisor_memory() {
  const std::string pid = output_of({"sh", "-c", "pgrep -x labctl-lab | head -1"});
  const std::string kib = output_of(
      {"sh", "-c",
       "awk '/^Pss:/{print $2}' /proc/" + std::to_string(std::atoi(pid.c_str())) + "/smaps_rollup"});
  return std::atof(kib.c_str()) * 1024;
}

std::string dotted(unsigned value) {
  return std::to_string(value >> 24) + "." + std::to_string(value >> 16 & 255) + "." +
         std::to_string(value >> 8 & 255) + "." + std::to_string(value & 255);
}

// What a careful script does: one file for namespaces and links, one a namespace for the rest.
class IpBatch {
 public:
  IpBatch(int nodes, int pods) : folder_("/run/ip-batch/") {
    ::mkdir("/run/ip-batch", 0700);
    std::string all = "netns add xu\n", names;
    std::map<std::string, std::string> inside;
    inside["xu"] = "link add under0 type bridge\nlink set under0 up\n";
    for (int n = 0; n < nodes; ++n) {
      add_node(n, nodes, pods, all, inside);
    }
    write_file(folder_ + "all", all);
    for (const auto& [name, text] : inside) {
      write_file(folder_ + name, text);
      names_.push_back(name);
    }
  }

  double time() {
    const double begin = now_us();
    run({"ip", "-batch", folder_ + "all"});
    for (const std::string& name : names_) {
      run({"ip", "-n", name, "-batch", folder_ + name});
    }
    return now_us() - begin;
  }

  void remove() {
    std::string text;
    for (const std::string& name : names_) {
      text += "netns del " + name + "\n";
    }
    write_file(folder_ + "del", text);
    run({"ip", "-batch", folder_ + "del"});
  }

 private:
  void add_node(int n, int nodes, int pods, std::string& all, std::map<std::string, std::string>& inside) {
    const std::string node = "xn" + std::to_string(n);
    const auto net = [](int i) { return (10U << 24) + (100U << 16) + static_cast<unsigned>(i) * 256U; };
    all += "netns add " + node + "\nlink add u" + std::to_string(n) +
           " netns xu type veth peer name eth0 netns " + node + "\n";
    inside["xu"] +=
        "link set u" + std::to_string(n) + " master under0\nlink set u" + std::to_string(n) + " up\n";
    std::string& text = inside[node];
    text = "link set lo up\nlink add cbr0 type bridge\nlink set cbr0 up\naddr add " + dotted(net(n) + 1) +
           "/24 dev cbr0\nlink set eth0 up\naddr add 172.18.0." + std::to_string(n + 2) + "/16 dev eth0\n";
    for (int other = 0; other < nodes; ++other) {
      if (other != n) {
        text += "route add " + dotted(net(other)) + "/24 via 172.18.0." + std::to_string(other + 2) + "\n";
      }
    }
    for (int p = 0; p < pods; ++p) {
      const std::string pod = "xp" + std::to_string(n) + "-" + std::to_string(p);
      all += "netns add " + pod + "\nlink add v" + std::to_string(p) + " netns " + node +
             " type veth peer name eth0 netns " + pod + "\n";
      text += "link set v" + std::to_string(p) + " master cbr0\nlink set v" + std::to_string(p) + " up\n";
      inside[pod] = "link set lo up\nlink set eth0 up\naddr add " +
                    dotted(net(n) + 2 + static_cast<unsigned>(p)) + "/24 dev eth0\nroute add default via " +
                    dotted(net(n) + 1) + "\n";
    }
  }
  std::string folder_;
  std::vector<std::string> names_;
};

// Runs `work`, then waits until the kernel has freed what it left: it takes the lock that building needs.
template <typename Work>
void alone(Work work) {
  Sentinel sentinel;
  work();
  sentinel.drop_and_wait();
}

Sample measure(const Size& size) {
  const std::string labctl = labctl_program();
  const std::string file = "/run/lab.yaml";
  write_file(file, lab_file(size.nodes, size.pods));
  Sample sample;
  alone([&] {
    const double before = kernel_memory();
    sample.up_us = run({labctl, "up", file, "--quiet", "--timeout", "5m"});
    sample.kernel_bytes = kernel_memory() - before;
    sample.own_bytes = supervisor_memory();
    sample.down_us = run({labctl, "down", "bench", "--quiet"});
  });
  alone([&] { sample.floor_us = time_floor(size.nodes, size.pods); });
  if (size.with_ip_batch) {
    alone([&] {
      IpBatch batch(size.nodes, size.pods);
      sample.batch_us = batch.time();
      batch.remove();
    });
  }
  return sample;
}

double median_of(const std::vector<Sample>& samples, const std::function<double(const Sample&)>& value) {
  std::vector<double> values;
  for (const Sample& sample : samples) {
    values.push_back(value(sample));
  }
  return median(std::move(values));
}

void report(const Size& size, const std::vector<Sample>& samples) {
  const int pods = size.nodes * size.pods;
  std::printf("%2dx%-4d %9.1f %9.1f %7.2f", size.nodes, size.pods,
              median_of(samples, [](const Sample& s) { return s.up_us; }) / 1e3,
              median_of(samples, [](const Sample& s) { return s.floor_us; }) / 1e3,
              median_of(samples, [](const Sample& s) { return s.up_us / s.floor_us; }));
  if (size.with_ip_batch) {
    std::printf(" %9.1f %7.2f", median_of(samples, [](const Sample& s) { return s.batch_us; }) / 1e3,
                median_of(samples, [](const Sample& s) { return s.batch_us / s.up_us; }));
  } else {
    std::printf(" %9s %7s", "-", "-");
  }
  std::printf(" %8.0f %8.1f %9.0f %8.1f\n",
              median_of(samples, [&](const Sample& s) { return s.up_us / pods; }),
              median_of(samples, [](const Sample& s) { return s.down_us; }) / 1e3,
              median_of(samples, [&](const Sample& s) { return s.kernel_bytes / pods; }) / 1024,
              median_of(samples, [&](const Sample& s) { return s.own_bytes / pods; }) / 1024);
  std::fflush(stdout);
}

}  // namespace
}  // namespace labctl::bench

int main(int argc, char** argv) {
  using namespace labctl::bench;
  enter_sandbox();
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
  std::printf("%s; medians of %d rounds in turns\n", machine().c_str(), rounds);
  std::printf("%-7s %9s %9s %7s %9s %7s %8s %8s %9s %8s\n", "size", "up ms", "floor ms", "x floor",
              "batch ms", "x batch", "us/pod", "down ms", "kernel KB", "own KB");
  std::map<int, double> per_pod;
  for (const Size& size : kSizes) {
    std::vector<Sample> samples;
    const int wanted = size.nodes * size.pods > 2000 ? std::min(rounds, 3) : rounds;
    for (int i = 0; i < wanted; ++i) {
      samples.push_back(measure(size));
    }
    report(size, samples);
    per_pod[size.nodes * size.pods] =
        median_of(samples, [](const Sample& s) { return s.up_us; }) / (size.nodes * size.pods);
  }
  std::printf("a pod at 5,000 costs %.2f times one at 1,000\n", per_pod[5000] / per_pod[1000]);
  std::printf(
      "targets: x floor <= 1.3, x batch >= 4 at 3x100, 5,000 / 1,000 <= 1.3, down < 200 ms at 10x100\n");
  return 0;
}
