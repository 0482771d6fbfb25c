#pragma once

// Services written through the allocation, in a store without anything else.

#include "labctl/allocation/service_allocation.hpp"
#include "labctl/store/store.hpp"
#include "topology/base/clock.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace labctl::allocation {

// One node range each; "" leaves a family out. The first is the cluster's primary.
model::Cluster service_cluster(const std::vector<std::string>& service_cidrs);

// A Service as the loader leaves it: type and protocols said, ports 80 upwards.
nlohmann::json service(const std::string& type = "ClusterIP", int ports = 1);

class ServiceTest : public ::testing::Test {
 protected:
  explicit ServiceTest(model::Cluster given = service_cluster({"10.96.0.0/16"}));

  static store::Key key(const std::string& name) { return {"services", "default", name}; }
  nlohmann::json create(const std::string& name, nlohmann::json object = service());
  nlohmann::json update(const std::string& name, const std::function<void(nlohmann::json&)>& edit);
  // What is thrown, after the place: "" when nothing is.
  std::string refusal(const std::function<void()>& act);
  std::string address_of(const std::string& name) const;
  std::int64_t node_port_of(const std::string& name, std::size_t index = 0) const;
  // Every value of every pool of Services, with its owner.
  std::vector<store::Allocation> held() const;
  std::size_t held_by(const std::string& name) const;

  SystemClock clock;
  model::Cluster cluster;
  store::Store store{"test", clock};
  ServiceAllocation services{store, cluster};
};

}  // namespace labctl::allocation
