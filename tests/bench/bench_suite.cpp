// Many small scenarios: `labctl test` of 40, each with a lab of 3 nodes x 10 pods and one matrix of 33
// probes, one at a time and four at once, beside the floor for as many builds: raw rtnetlink, without a lab
// around it, without objects, processes or checks.

#include "tests/bench/floor.hpp"
#include "tests/bench/lab_process.hpp"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace labctl::bench {
namespace {

constexpr int kScenarios = 40;
constexpr int kNodes = 3;
constexpr int kPods = 10;

std::string write_suite() {
  const std::string folder = "/run/suite/";
  ::mkdir(folder.c_str(), 0700);
  for (int i = 0; i < kScenarios; ++i) {
    const std::string name = "s" + std::to_string(i);
    ::mkdir((folder + name).c_str(), 0700);
    write_file(folder + name + "/lab.yaml", lab_file(kNodes, kPods));
    write_file(folder + name + "/scenario.yaml",
               "apiVersion: labctl.dev/v1alpha1\nkind: Scenario\nmetadata: {name: " + name +
                   "}\nspec:\n  apply: [lab.yaml]\n  steps:\n  - name: a node reaches every pod\n"
                   "    matrix: {from: [node/node-1], expect: {outcome: ok}}\n");
  }
  return folder;
}

void report(const char* what, double all_us, double floor_us) {
  std::printf("%-24s %8.1f %8.2f\n", what, all_us / kScenarios / 1e3, all_us / floor_us);
  std::fflush(stdout);
}

}  // namespace
}  // namespace labctl::bench

int main(int argc, char** argv) {
  using namespace labctl::bench;
  enter_sandbox();
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 3;
  const char* given = std::getenv("LABCTL_BINARY");
  const std::string labctl = given != nullptr ? given : "labctl";
  const std::string suite = write_suite();
  std::printf("%s; %d rounds of %d scenarios of %dx%d\n", machine().c_str(), rounds, kScenarios, kNodes,
              kPods);
  std::printf("%-24s %8s %8s\n", "", "ms each", "x floor");
  for (int round = 0; round < rounds; ++round) {
    double floor_us = 0;
    for (int i = 0; i < kScenarios; ++i) {
      floor_us += time_floor(kNodes, kPods);
    }
    report("floor, build alone", floor_us, floor_us);
    report("labctl test -j1", run({labctl, "test", suite, "-j", "1"}), floor_us);
    report("labctl test -j4", run({labctl, "test", suite, "-j", "4"}), floor_us);
  }
  std::printf("target: under 400 ms each with -j1\n");
  return 0;
}
