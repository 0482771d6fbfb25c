#include "tests/unit/labctl/allocation/service_fixture.hpp"

#include "topology/base/error.hpp"

#include <utility>

namespace labctl::allocation {

using nlohmann::json;

model::Cluster service_cluster(const std::vector<std::string>& service_cidrs) {
  model::Cluster cluster = model::default_cluster("test");
  cluster.families.clear();
  cluster.network.service_cidrs.clear();
  cluster.network.load_balancer_cidrs.clear();
  for (const std::string& text : service_cidrs) {
    const Prefix range = *Prefix::parse(text);
    cluster.families.push_back(range.family());
    cluster.network.service_cidrs.push_back(range);
    cluster.network.load_balancer_cidrs.push_back(model::default_ranges(range.family()).load_balancer);
  }
  return cluster;
}

json service(const std::string& type, int ports) {
  json list = json::array();
  for (int i = 0; i < ports; ++i) {
    json port{{"port", 80 + i}, {"protocol", "TCP"}, {"targetPort", 8080 + i}};
    if (ports > 1) {
      port["name"] = "p" + std::to_string(i);
    }
    list.push_back(std::move(port));
  }
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", {{"namespace", "default"}}},
          {"spec", {{"type", type}, {"selector", {{"app", "web"}}}, {"ports", std::move(list)}}}};
}

ServiceTest::ServiceTest(model::Cluster given) : cluster(std::move(given)) {}

json ServiceTest::create(const std::string& name, json object) {
  object["metadata"]["name"] = name;
  return *services.create(key(name), std::move(object));
}

json ServiceTest::update(const std::string& name, const std::function<void(json&)>& edit) {
  json wanted = *store.get(key(name));
  edit(wanted);
  return *services.update(key(name), std::move(wanted));
}

std::string ServiceTest::refusal(const std::function<void()>& act) {
  const std::uint64_t version = store.version();
  const std::vector<store::Allocation> before = held();
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(store.version(), version) << "something was written";
    EXPECT_EQ(held(), before) << "something was given out";
    return error.message();
  }
  return "";
}

std::string ServiceTest::address_of(const std::string& name) const {
  return store.get(key(name))->at("spec").value("clusterIP", "");
}

std::int64_t ServiceTest::node_port_of(const std::string& name, std::size_t index) const {
  return store.get(key(name))->at("spec").at("ports").at(index).value("nodePort", 0);
}

std::vector<store::Allocation> ServiceTest::held() const {
  std::vector<store::Allocation> all;
  for (const std::string& pool : services.ranges().pools()) {
    for (const std::string& value : store.allocations().values(pool)) {
      all.push_back({pool, value, *store.allocations().owner_of(pool, value)});
    }
  }
  return all;
}

std::size_t ServiceTest::held_by(const std::string& name) const {
  return store.allocations().owned_by("svc/default/" + name).size();
}

}  // namespace labctl::allocation
