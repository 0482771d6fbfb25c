#pragma once

// Services that change at random, as programs of one node, and who has which of the addresses they share.

#include "topology/service/node_program.hpp"

#include <map>
#include <random>
#include <string>
#include <vector>

namespace labctl::ruleset {

class RandomServices {
 public:
  explicit RandomServices(unsigned seed) : chance_(seed) {}

  struct Change {
    std::string owner;
    service::NodeProgram program;
  };
  // Of a Service or the hostPorts of a pod, which may come, change or go.
  Change next();

  // What each address is to do by now: of several that claim it, hostPorts go
  // first, and then who was there first.
  const service::Entry* wanted(const service::Vip& vip) const;
  std::map<service::Vip, const service::Entry*> wanted() const;

 private:
  bool coin(double probability = 0.5) { return std::bernoulli_distribution(probability)(chance_); }
  std::uint64_t number(std::uint64_t first, std::uint64_t last) {
    return std::uniform_int_distribution<std::uint64_t>(first, last)(chance_);
  }
  service::NodeProgram service_program(std::uint64_t service);
  service::NodeProgram host_port_program(std::uint64_t pod);
  void note(const Change& change, bool is_host_port);

  std::mt19937 chance_;
  std::map<std::string, service::NodeProgram> programs_;
  std::map<service::Vip, std::vector<std::string>> owners_;
};

}  // namespace labctl::ruleset
