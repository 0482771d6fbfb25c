#pragma once

// Ways to bring Services into the kernel of one node, as rows of bench_services. Each way programs the same
// Services: TCP port 80 of service_address(i), three endpoints each, three addresses of the one server, so
// that every Service answers.

#include "topology/base/ip_address.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace labctl::bench {

constexpr int kEndpoints = 3;
constexpr std::uint16_t kServicePort = 80, kServerPort = 8080;

IpAddress service_address(int service);
IpAddress server_address(int endpoint = 0);
// Where an update moves a Service's first endpoint; of no host.
IpAddress moved_endpoint(int generation);

// Used in one namespace, made for it; the calling thread is in it for every call but the constructor's. What
// is called prepare_ is not measured. Any failure ends the benchmark.
class ServicePath {
 public:
  virtual ~ServicePath() = default;
  virtual void prepare_load(int services) = 0;
  virtual void load() = 0;
  virtual void prepare_update(int service, int generation) = 0;
  virtual void update() = 0;
};

// A row. To add one, add it to all_rows().
struct ServiceRow {
  std::string name;
  std::unique_ptr<ServicePath> (*make)() = nullptr;
  // The first takes minutes above this many Services; the second so long that once must do.
  int largest = 1'000'000;
  int largest_repeated = 1'000'000;
  std::string absent;  // why it cannot be measured here; empty: it can
};

// The first is the floor.
std::vector<ServiceRow> all_rows();

}  // namespace labctl::bench
