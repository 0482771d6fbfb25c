// Endpoints objects and the slices that mirror them.

#include "labctl/endpoints/endpoint_mirror.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

namespace labctl::endpoints {
namespace {

using nlohmann::json;
using objects::delete_object;
using objects::name_of;

class EndpointMirrorTest : public ::testing::Test {
 protected:
  void add_service(json spec = json::object()) {
    spec.emplace("type", "ClusterIP");
    spec.emplace("clusterIP", "10.96.0.30");
    spec.emplace("ipFamilies", json::array({"IPv4"}));
    loops.create("services", "db", {{"apiVersion", "v1"}, {"kind", "Service"}, {"spec", std::move(spec)}});
  }
  void add_endpoints(const char* subsets, json metadata = json::object()) {
    loops.create("endpoints", "db",
                 {{"apiVersion", "v1"},
                  {"kind", "Endpoints"},
                  {"metadata", std::move(metadata)},
                  {"subsets", json::parse(subsets)}});
  }
  // "192.0.2.1:5432", with "-" behind it if not ready.
  std::vector<std::string> endpoints() const {
    std::vector<std::string> found;
    for (const store::ObjectPtr& slice : loops.store.list("endpointslices", "default")) {
      for (const json& endpoint : slice->at("endpoints")) {
        for (const json& port : slice->at("ports")) {
          found.push_back(endpoint.at("addresses").at(0).get<std::string>() + ":" + port.at("port").dump() +
                          (objects::is_true_at(endpoint, "conditions.ready") ? "" : "-"));
        }
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  json only_slice() const {
    const auto slices = loops.store.list("endpointslices", "default");
    EXPECT_EQ(slices.size(), 1U);
    return slices.empty() ? json() : *slices.front();
  }
  using List = std::vector<std::string>;
  static constexpr const char* kOne = R"([{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 5432}]}])";
  controllers::ControlLoops loops;
};

TEST_F(EndpointMirrorTest, FollowsCreateUpdateAndDelete) {  // E1
  add_service();
  add_endpoints(kOne);
  loops.settle();
  EXPECT_EQ(endpoints(), List{"192.0.2.1:5432"});
  const std::string name = name_of(only_slice());
  loops.edit("endpoints", "db",
             [](json& object) { object["subsets"][0]["addresses"][0]["ip"] = "192.0.2.9"; });
  loops.settle();
  EXPECT_EQ(endpoints(), List{"192.0.2.9:5432"});
  EXPECT_EQ(name_of(only_slice()), name);
  delete_object(loops.store, {"endpoints", "default", "db"});
  loops.settle();
  EXPECT_EQ(loops.store.count("endpointslices"), 0U);
}

TEST_F(EndpointMirrorTest, SaysWhatTheObjectSays) {
  add_service();
  add_endpoints(R"([{"addresses": [{"ip": "192.0.2.1", "hostname": "db-0", "nodeName": "node-1",
                                    "targetRef": {"kind": "Pod", "namespace": "default", "name": "p"}}],
                     "notReadyAddresses": [{"ip": "192.0.2.2"}, {"ip": "192.0.2.1"}, {"ip": "no address"}],
                     "ports": [{"name": "sql", "port": 5432, "protocol": "TCP", "appProtocol": "x"}]}])",
                {{"labels", {{"team", "x"}}},
                 {"annotations", {{"a", "b"}, {"kubectl.kubernetes.io/last-applied-configuration", "{}"}}}});
  loops.settle();
  const json slice = only_slice();
  EXPECT_EQ(slice["metadata"]["labels"],
            (json{{"team", "x"},
                  {"kubernetes.io/service-name", "db"},
                  {"endpointslice.kubernetes.io/managed-by", "endpointslicemirroring-controller.k8s.io"}}));
  EXPECT_EQ(slice["metadata"]["annotations"], (json{{"a", "b"}}));
  EXPECT_EQ(slice["metadata"]["ownerReferences"][0]["kind"], "Endpoints");
  EXPECT_EQ(slice["ports"],
            json::parse(R"([{"name": "sql", "port": 5432, "protocol": "TCP", "appProtocol": "x"}])"));
  EXPECT_EQ(slice["endpoints"], json::parse(R"([
    {"addresses": ["192.0.2.2"], "conditions": {"ready": false}},
    {"addresses": ["192.0.2.1"], "conditions": {"ready": true}, "hostname": "db-0", "nodeName": "node-1",
     "targetRef": {"kind": "Pod", "namespace": "default", "name": "p"}}])"));
}

TEST_F(EndpointMirrorTest, SubsetsAndFamiliesAreApart) {
  add_service();
  add_endpoints(R"([{"addresses": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}], "ports": [{"port": 1}]},
                    {"addresses": [{"ip": "192.0.2.2"}], "ports": [{"port": 2}]},
                    {"addresses": [{"ip": "192.0.2.3"}], "ports": [{"port": 2}]}])");
  loops.settle();
  EXPECT_EQ(endpoints(), (List{"192.0.2.1:1", "192.0.2.2:2", "192.0.2.3:2", "2001:db8::1:1"}));
  EXPECT_EQ(loops.store.count("endpointslices"), 3U);
}

TEST_F(EndpointMirrorTest, ASubsetCountsUpToAThousandAddresses) {
  json subset{{"ports", {{{"port", 1}}}}};
  for (int i = 0; i < 1200; ++i) {
    subset["addresses"].push_back({{"ip", to_string(IpAddress::parse("10.0.0.0")->plus(i + 1U))}});
  }
  add_service();
  add_endpoints(json::array({subset}).dump().c_str());
  loops.settle();
  EXPECT_EQ(only_slice()["endpoints"].size(), 1000U);
}

TEST_F(EndpointMirrorTest, WaitsForTheServiceAndGoesWithIt) {
  add_endpoints(kOne);
  loops.settle();
  EXPECT_EQ(endpoints(), List{});
  add_service();
  loops.settle();
  EXPECT_EQ(endpoints(), List{"192.0.2.1:5432"});
  delete_object(loops.store, {"services", "default", "db"});
  loops.settle();
  EXPECT_EQ(loops.store.count("endpointslices"), 0U);
  EXPECT_EQ(loops.store.count("endpoints"), 0U);
}

TEST_F(EndpointMirrorTest, ASelectorOrAnExternalNameEndsIt) {
  add_service();
  add_endpoints(kOne);
  loops.settle();
  loops.edit("services", "db", [](json& service) { service["spec"]["selector"] = {{"app", "db"}}; });
  loops.settle();
  EXPECT_EQ(endpoints(), List{});
  loops.edit("services", "db", [](json& service) { service["spec"].erase("selector"); });
  loops.settle();
  EXPECT_EQ(endpoints(), List{"192.0.2.1:5432"});
  loops.edit("services", "db", [](json& service) { service["spec"]["type"] = "ExternalName"; });
  loops.settle();
  EXPECT_EQ(loops.store.count("endpointslices"), 0U);
}

TEST_F(EndpointMirrorTest, SkipMirrorEndsIt) {
  add_service();
  add_endpoints(kOne);
  loops.settle();
  const auto label = [&](const char* value) {
    loops.edit("endpoints", "db", [&](json& object) {
      object["metadata"]["labels"]["endpointslice.kubernetes.io/skip-mirror"] = value;
    });
    loops.settle();
  };
  label("true");
  EXPECT_EQ(endpoints(), List{});
  label("false");
  EXPECT_EQ(endpoints(), List{"192.0.2.1:5432"});
}

TEST_F(EndpointMirrorTest, LeaderElectionIsNoService) {
  add_service();
  add_endpoints(kOne, {{"annotations", {{"control-plane.alpha.kubernetes.io/leader", "{}"}}}});
  loops.settle();
  EXPECT_EQ(endpoints(), List{});
}

}  // namespace
}  // namespace labctl::endpoints
