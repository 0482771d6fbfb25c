// Services through the API: everything is given out and given back by what clients send.

#include "labctl/allocation/repair.hpp"
#include "labctl/allocation/service_allocation.hpp"
#include "labctl/apiserver/resource_api.hpp"
#include "labctl/controllers/pods/nodes.hpp"
#include "topology/base/clock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kServicesPath = "/api/v1/namespaces/default/services";

class ServiceApiTest : public ::testing::Test {
 protected:
  ServiceApiTest() { controllers::sync_nodes(store, cluster); }

  struct Reply {
    int status = 0;
    json body;
  };
  Reply call(const std::string& method, const std::string& path, const json& body = nullptr,
             std::map<std::string, std::string> query = {}) {
    api::Request request;
    request.method = method;
    request.path = request.target = path;
    request.query = std::move(query);
    request.body = body.is_null() ? "" : body.dump();
    const api::Response response = resources.answer(request);
    return {response.status, json::parse(response.body, nullptr, false)};
  }
  static json service(const std::string& name, json spec = json::object()) {
    spec.update({{"ports", {{{"port", 80}, {"protocol", "TCP"}}}}});
    return {{"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
  }
  std::size_t held() const {
    std::size_t count = 0;
    for (const std::string& pool : services.ranges().pools()) {
      count += store.allocations().count(pool);
    }
    return count;
  }

  SystemClock clock;
  model::Cluster cluster = model::default_cluster("lab");
  store::Store store{"lab", clock};
  allocation::ServiceAllocation services{store, cluster};
  std::mutex owner;
  ResourceApi resources{store,
                        {[this](const std::function<void()>& work) {
                           const std::lock_guard lock(owner);
                           work();
                         },
                         {},
                         &services}};
};

TEST_F(ServiceApiTest, AWholeLife) {
  const Reply made = call("POST", kServicesPath, service("web", {{"type", "NodePort"}}));
  EXPECT_EQ(made.status, 201);
  EXPECT_THAT(made.body["spec"]["clusterIP"].get<std::string>(), HasSubstr("10.96."));
  EXPECT_EQ(held(), 2U);
  const Reply patched = call("PATCH", kServicesPath + "/web", {{"spec", {{"type", "ClusterIP"}}}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_FALSE(patched.body["spec"]["ports"][0].contains("nodePort"));
  const Reply put = call("PUT", kServicesPath + "/web", service("web", {{"type", "NodePort"}}));
  EXPECT_EQ(put.body["spec"]["clusterIP"], made.body["spec"]["clusterIP"]);
  EXPECT_EQ(held(), 2U);
  EXPECT_EQ(call("DELETE", kServicesPath + "/web").status, 200);
  EXPECT_EQ(held(), 0U);
}

TEST_F(ServiceApiTest, RefusalsAreInvalidAndChangeNothing) {
  call("POST", kServicesPath, service("a", {{"clusterIP", "10.96.0.5"}}));
  const Reply again = call("POST", kServicesPath, service("b", {{"clusterIP", "10.96.0.5"}}));
  EXPECT_EQ(again.status, 422);
  EXPECT_EQ(again.body["reason"], "Invalid");
  EXPECT_THAT(again.body["message"].get<std::string>(), HasSubstr("provided IP is already allocated"));
  EXPECT_EQ(call("GET", kServicesPath + "/b").status, 404);
  EXPECT_EQ(call("POST", kServicesPath, service("a")).status, 409);
  EXPECT_EQ(held(), 1U);
}

TEST_F(ServiceApiTest, ADryRunTellsAndGivesNothing) {
  const Reply dry = call("POST", kServicesPath, service("web", {{"type", "NodePort"}}), {{"dryRun", "All"}});
  EXPECT_EQ(dry.status, 201);
  EXPECT_GT(dry.body["spec"]["ports"][0]["nodePort"], 0);
  EXPECT_EQ(held(), 0U);
}

TEST_F(ServiceApiTest, DeletingManyGivesAllBack) {
  for (int i = 0; i < 5; ++i) {
    call("POST", kServicesPath, service("web-" + std::to_string(i)));
  }
  EXPECT_EQ(held(), 5U);
  EXPECT_EQ(call("DELETE", kServicesPath).status, 200);
  EXPECT_EQ(held(), 0U);
}

TEST_F(ServiceApiTest, EightClientsCreateAndDeleteAtOnce) {
  constexpr int kClients = 8, kEach = 125;
  std::mutex mutex;
  std::set<std::string> in_use;
  int twice = 0, failed = 0;
  const auto note = [&](bool is_use, const json& spec) {
    const std::lock_guard lock(mutex);
    for (const std::string& value :
         {spec["clusterIP"].get<std::string>(), spec["ports"][0]["nodePort"].dump()}) {
      if (is_use) {
        twice += in_use.insert(value).second ? 0 : 1;
      } else {
        in_use.erase(value);
      }
    }
  };
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = "web-" + std::to_string(client) + "-" + std::to_string(i);
        const Reply made = call("POST", kServicesPath, service(name, {{"type", "NodePort"}}));
        if (made.status == 201) {
          note(true, made.body["spec"]);
          note(false, made.body["spec"]);  // before it is another's
        }
        const Reply gone = call("DELETE", kServicesPath + "/" + name);
        const std::lock_guard lock(mutex);
        failed += made.status == 201 && gone.status == 200 ? 0 : 1;
      }
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(twice, 0);
  EXPECT_EQ(held(), 0U);
  allocation::AllocationRepair repair(store, cluster);
  EXPECT_EQ(repair.pass(), allocation::AllocationRepair::Found{});
}

TEST_F(ServiceApiTest, NoAddressTwiceWhileEightClientsKeepTheirServices) {
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([this, client] {
      for (int i = 0; i < 125; ++i) {
        const std::string name = "web-" + std::to_string(client) + "-" + std::to_string(i);
        call("POST", kServicesPath, service(name, {{"type", "NodePort"}}));
      }
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  std::set<std::string> addresses, ports;
  for (const store::ObjectPtr& one : store.list("services")) {
    addresses.insert(one->at("spec").at("clusterIP").get<std::string>());
    ports.insert(one->at("spec").at("ports").at(0).at("nodePort").dump());
  }
  EXPECT_EQ(addresses.size(), 1000U);
  EXPECT_EQ(ports.size(), 1000U);
  EXPECT_EQ(held(), 2000U);
}

}  // namespace
}  // namespace labctl::apiserver
