// The control loop of EndpointSlices on a store: what is in the slices after each event.

#include "labctl/endpoints/endpoint_slice_loop.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

#include <random>
#include <set>

namespace labctl::endpoints {
namespace {

using controllers::bare_pod;
using nlohmann::json;
using objects::delete_object;
using objects::is_true_at;
using objects::name_of;
using objects::owner_reference;
using objects::text_at;
using store::ObjectPtr;

class EndpointSlicesTest : public ::testing::Test {
 protected:
  store::ObjectPtr add_service(const std::string& name, json spec = json::object()) {
    spec.emplace("type", "ClusterIP");
    spec.emplace("clusterIP", "10.96.0.20");
    spec.emplace("ipFamilies", json::array({"IPv4"}));
    spec.emplace("selector", json{{"app", name}});
    spec.emplace("ports", json::array({{{"port", 80}, {"protocol", "TCP"}, {"targetPort", 8080}}}));
    return loops.create("services", name,
                        {{"apiVersion", "v1"},
                         {"kind", "Service"},
                         {"metadata", {{"labels", {{"team", "x"}}}}},
                         {"spec", std::move(spec)}});
  }
  void add_pod(const std::string& name, const std::string& app, const char* ports = "[]") {
    json pod = bare_pod(app);
    pod["spec"]["containers"][0]["ports"] = json::parse(ports);
    loops.create("pods", name, pod);
  }
  std::vector<json> slices_of(const std::string& service) const {
    std::vector<json> found;
    model::LabelSelector selector;
    selector.match_labels["kubernetes.io/service-name"] = service;
    for (const ObjectPtr& slice : loops.store.list("endpointslices", "default", selector)) {
      found.push_back(*slice);
    }
    return found;
  }
  // "web-0:8080", with "-" behind it if not ready, over all slices.
  std::set<std::string> endpoints_of(const std::string& service) const {
    std::set<std::string> found;
    for (const json& slice : slices_of(service)) {
      for (const json& endpoint : slice.at("endpoints")) {
        for (const json& port : slice.at("ports")) {
          found.insert(text_at(endpoint, "targetRef.name") + ":" + port.at("port").dump() +
                       (is_true_at(endpoint, "conditions.ready") ? "" : "-"));
        }
      }
    }
    return found;
  }
  // Slices written since the last call.
  std::size_t writes() {
    std::size_t count = 0;
    const auto changes = *loops.store.changes_since(seen_);
    for (const store::Change& change : changes) {
      count += change.key.resource == "endpointslices" ? 1 : 0;
    }
    seen_ = loops.store.version();
    return count;
  }
  using Set = std::set<std::string>;
  controllers::ControlLoops loops;
  std::uint64_t seen_ = 0;
};

TEST_F(EndpointSlicesTest, FollowPodsThatComeAndGo) {  // S2
  add_service("web");
  loops.settle();
  ASSERT_EQ(slices_of("web").size(), 1U);
  EXPECT_EQ(slices_of("web")[0]["endpoints"], json::array());
  add_pod("pod1", "web");
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:8080"});
  add_pod("pod2", "web");
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), (Set{"pod1:8080", "pod2:8080"}));
  delete_object(loops.store, {"pods", "default", "pod1"});
  loops.run();
  EXPECT_EQ(endpoints_of("web"), (Set{"pod1:8080-", "pod2:8080"}));
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{"pod2:8080"});
  delete_object(loops.store, {"pods", "default", "pod2"});
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{});
  EXPECT_EQ(slices_of("web").size(), 1U);
}

TEST_F(EndpointSlicesTest, EachPortHasThePodsThatHaveIt) {  // S3
  json spec;
  spec["ports"] = json::parse(R"([{"name": "p1", "port": 80, "protocol": "TCP", "targetPort": "one"},
                                  {"name": "p2", "port": 81, "protocol": "TCP", "targetPort": "two"}])");
  add_service("web", spec);
  add_pod("pod1", "web", R"([{"name": "one", "containerPort": 100}])");
  add_pod("pod2", "web", R"([{"name": "two", "containerPort": 101}])");
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), (Set{"pod1:100", "pod2:101"}));
  delete_object(loops.store, {"pods", "default", "pod1"});
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{"pod2:101"});
}

TEST_F(EndpointSlicesTest, AreObjectsAsKubernetesHasThem) {  // E1
  const ObjectPtr service = add_service("web", {{"clusterIP", "None"}});
  add_pod("pod1", "web");
  loops.settle();
  ASSERT_EQ(slices_of("web").size(), 1U);
  const json slice = slices_of("web")[0];
  EXPECT_EQ(slice["apiVersion"], "discovery.k8s.io/v1");
  EXPECT_EQ(slice["kind"], "EndpointSlice");
  EXPECT_EQ(slice["addressType"], "IPv4");
  const json& metadata = slice["metadata"];
  EXPECT_EQ(metadata["generateName"], "web-");
  EXPECT_TRUE(name_of(slice).starts_with("web-") && name_of(slice).size() == 9) << name_of(slice);
  EXPECT_EQ(metadata["ownerReferences"], json::array({owner_reference(*service)}));
  EXPECT_EQ(metadata["labels"],
            (json{{"team", "x"},
                  {"kubernetes.io/service-name", "web"},
                  {"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"},
                  {"service.kubernetes.io/headless", ""}}));
  EXPECT_EQ(slice["endpoints"][0]["conditions"],
            (json{{"ready", true}, {"serving", true}, {"terminating", false}}));
  EXPECT_EQ(slice["endpoints"][0]["nodeName"], "node-1");
}

TEST_F(EndpointSlicesTest, GoWithTheService) {  // E1
  add_service("web");
  add_pod("pod1", "web");
  loops.settle();
  delete_object(loops.store, {"services", "default", "web"});
  loops.settle();
  EXPECT_EQ(loops.store.count("endpointslices"), 0U);
  // A namesake that follows finds the name free, and makes its own.
  add_service("web");
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:8080"});
}

TEST_F(EndpointSlicesTest, AServiceReplacedInOneTurnHasItsOwnSlices) {
  add_service("web");
  add_pod("pod1", "web");
  loops.settle();
  loops.store.remove({"services", "default", "web"});
  const ObjectPtr replaced = add_service("web");
  loops.settle();
  ASSERT_EQ(slices_of("web").size(), 1U);
  EXPECT_EQ(text_at(*objects::controller_of(slices_of("web")[0]), "uid"), objects::uid_of(*replaced));
}

TEST_F(EndpointSlicesTest, GoWithTheSelector) {
  add_service("web");
  add_service("other", {{"selector", {{"app", "web"}}}});
  add_pod("pod1", "web");
  loops.settle();
  loops.edit("services", "web", [](json& service) { service["spec"].erase("selector"); });
  loops.edit("services", "other", [](json& service) {
    service["spec"] = {
        {"type", "ExternalName"}, {"externalName", "x.example"}, {"selector", {{"app", "web"}}}};
  });
  loops.settle();
  EXPECT_EQ(loops.store.count("endpointslices"), 0U);
  loops.edit("services", "web", [](json& service) { service["spec"]["selector"] = {{"app", "web"}}; });
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:8080"});
}

TEST_F(EndpointSlicesTest, FollowLabelsOfPods) {
  add_service("web");
  add_service("db");
  add_pod("pod1", "web");
  loops.settle();
  loops.edit("pods", "pod1", [](json& pod) { pod["metadata"]["labels"]["app"] = "db"; });
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{});
  EXPECT_EQ(endpoints_of("db"), Set{"pod1:8080"});
}

TEST_F(EndpointSlicesTest, FollowReadiness) {
  add_service("web");
  add_pod("pod1", "web");
  loops.settle();
  loops.make_ready("pod1", false);
  loops.run();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:8080-"});
  loops.make_ready("pod1", true);
  loops.run();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:8080"});
  loops.finish("pod1", "Failed");
  loops.run();
  EXPECT_EQ(endpoints_of("web"), Set{});
}

TEST_F(EndpointSlicesTest, FollowPortsAndLabelsOfTheService) {
  add_service("web");
  add_pod("pod1", "web");
  loops.settle();
  writes();
  loops.edit("services", "web", [](json& service) {
    service["spec"]["ports"].push_back(
        {{"name", "more"}, {"port", 81}, {"protocol", "TCP"}, {"targetPort", 81}});
    service["metadata"]["labels"]["team"] = "y";
  });
  loops.run();
  EXPECT_EQ(endpoints_of("web"), (Set{"pod1:8080", "pod1:81"}));
  EXPECT_EQ(slices_of("web")[0]["metadata"]["labels"]["team"], "y");
  EXPECT_EQ(writes(), 1U);
}

TEST_F(EndpointSlicesTest, FollowTheZoneOfTheNode) {
  add_service("web", {{"trafficDistribution", "PreferSameZone"}});
  add_pod("pod1", "web");
  loops.settle();
  EXPECT_FALSE(slices_of("web")[0]["endpoints"][0].contains("zone"));
  loops.store.modify({"nodes", "", "node-1"},
                     [](json& node) { node["metadata"]["labels"]["topology.kubernetes.io/zone"] = "a"; });
  loops.run();
  EXPECT_EQ(slices_of("web")[0]["endpoints"][0]["zone"], "a");
  EXPECT_EQ(slices_of("web")[0]["endpoints"][0]["hints"], (json{{"forZones", {{{"name", "a"}}}}}));
}

TEST_F(EndpointSlicesTest, OfManyPodsHoldAHundredEach) {
  add_service("web");
  loops.create("deployments", "web", controllers::workload("Deployment", "web", 0));
  loops.settle();
  for (const int replicas : {3, 120}) {
    loops.scale("deployments", "web", replicas);
    loops.settle();
    EXPECT_EQ(endpoints_of("web").size(), static_cast<std::size_t>(replicas));
    EXPECT_EQ(slices_of("web").size(), replicas > 100 ? 2U : 1U);
  }
  loops.scale("deployments", "web", 0);
  loops.settle();
  EXPECT_EQ(slices_of("web").size(), 1U);
}

TEST_F(EndpointSlicesTest, AreWrittenOnlyForWhatConcernsThem) {
  add_service("web");
  add_service("db");
  add_pod("web1", "web");
  add_pod("db1", "db");
  loops.settle();
  writes();
  loops.edit("pods", "web1", [](json& pod) { pod["metadata"]["annotations"]["note"] = "x"; });
  loops.edit("services", "web", [](json& service) { service["status"]["loadBalancer"] = json::object(); });
  loops.run();
  EXPECT_EQ(writes(), 0U);
  loops.make_ready("web1", false);
  loops.run();
  EXPECT_EQ(writes(), 1U);
}

TEST_F(EndpointSlicesTest, AreMendedWhenSomebodyWritesToThem) {
  add_service("web");
  add_pod("pod1", "web");
  loops.settle();
  const json before = slices_of("web")[0];
  loops.edit("endpointslices", name_of(before), [](json& slice) {
    slice["endpoints"] = json::array();
    slice["metadata"]["labels"]["team"] = "mine";
  });
  loops.settle();
  json after = slices_of("web")[0];
  after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"];
  EXPECT_EQ(after, before);
  loops.store.remove({"endpointslices", "default", name_of(before)});
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:8080"});
}

TEST_F(EndpointSlicesTest, OfUsersAreLeftAlone) {
  const ObjectPtr service = add_service("web");
  const json mine{
      {"apiVersion", "discovery.k8s.io/v1"},
      {"kind", "EndpointSlice"},
      {"metadata",
       {{"labels", {{"kubernetes.io/service-name", "web"}, {"endpointslice.kubernetes.io/managed-by", "me"}}},
        {"ownerReferences", {owner_reference(*service)}}}},
      {"addressType", "IPv4"},
      {"ports", {{{"name", ""}, {"port", 7}, {"protocol", "TCP"}}}},
      {"endpoints", {{{"addresses", {"192.0.2.1"}}}}}};
  const ObjectPtr made = loops.create("endpointslices", "mine", mine);
  add_pod("pod1", "web");
  loops.settle();
  EXPECT_EQ(loops.store.find({"endpointslices", "default", "mine"}), made);
  EXPECT_EQ(slices_of("web").size(), 2U);
}

TEST_F(EndpointSlicesTest, AreTheSameAfterAnApplyThatFailed) {
  add_service("web");
  add_pod("pod1", "web");
  loops.settle();
  const store::Store::Snapshot snapshot = loops.store.snapshot();
  const std::vector<json> before = slices_of("web");
  loops.edit("services", "web", [](json& service) { service["spec"]["ports"][0]["targetPort"] = 9090; });
  loops.run();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:9090"});
  loops.store.restore(snapshot);
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{"pod1:8080"});
  EXPECT_EQ(slices_of("web")[0]["metadata"]["uid"], before[0]["metadata"]["uid"]);
}

TEST_F(EndpointSlicesTest, AreFoundAgainByANewReconciler) {
  add_service("web");
  add_pod("pod1", "web");
  loops.settle();
  writes();
  EXPECT_FALSE(controllers::Reconciler(loops.store, loops.cluster, loops.clock).run().changed);
  EXPECT_EQ(writes(), 0U);
}

TEST_F(EndpointSlicesTest, StayInTheirNamespace) {
  add_service("web");
  loops.store.create({"namespaces", "", "shop"}, {{"metadata", {{"name", "shop"}}}});
  loops.store.create({"pods", "shop", "pod1"}, bare_pod("web"));
  loops.settle();
  EXPECT_EQ(endpoints_of("web"), Set{});
}

TEST_F(EndpointSlicesTest, GoWithTheNamespace) {
  loops.store.create({"namespaces", "", "shop"}, {{"metadata", {{"name", "shop"}}}});
  const ObjectPtr service = add_service("web");
  json object = *service;
  object["metadata"].erase("resourceVersion");
  loops.store.create({"services", "shop", "web"}, object);
  loops.store.create({"pods", "shop", "pod1"}, bare_pod("web"));
  loops.settle();
  EXPECT_EQ(loops.store.list("endpointslices", "shop").size(), 1U);
  delete_object(loops.store, {"namespaces", "", "shop"});
  loops.settle();
  EXPECT_TRUE(loops.store.keys_in_namespace("shop").empty());
  EXPECT_EQ(loops.store.find({"namespaces", "", "shop"}), nullptr);
}

// ---- Histories ----

// After any step the slices say what a look at everything would make them say, and nothing twice.
class EndpointHistory : public EndpointSlicesTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  int up_to(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }
  void step() {
    const std::string name = "pod" + std::to_string(up_to(150));
    const store::Key key{"pods", "default", name};
    const store::ObjectPtr pod = loops.store.find(key);
    if (pod == nullptr) {
      add_pod(name, up_to(2) == 0 ? "web" : "db",
              up_to(3) == 0 ? R"([{"name": "http", "containerPort": 9090}])"
                            : R"([{"name": "http", "containerPort": 8080}])");
    } else if (const int what = up_to(6); what == 0) {
      delete_object(loops.store, key);
    } else if (what == 1) {
      loops.store.remove(key);
    } else if (what == 2) {
      loops.edit("pods", name, [&](json& object) { object["metadata"]["labels"]["app"] = "web"; });
    } else if (what == 3) {
      loops.finish(name, "Failed");
    } else if (!text_at(*pod, "status.podIP").empty()) {
      loops.make_ready(name, what == 4);
    }
  }
  void change_a_service() {
    loops.edit("services", up_to(2) == 0 ? "web" : "db", [&](json& service) {
      service["spec"]["publishNotReadyAddresses"] = up_to(2) == 0;
      service["spec"]["ports"][0]["targetPort"] = up_to(2) == 0 ? json("http") : json(7);
    });
  }
  // What pods say of themselves.
  std::multiset<std::string> expected(const std::string& app) const {
    const json service = loops.get("services", app);
    const json& target = service["spec"]["ports"][0]["targetPort"];
    std::multiset<std::string> lines;
    for (const ObjectPtr& pod : loops.pods()) {
      if (text_at(*pod, "metadata.labels.app") == app && !objects::is_finished(*pod) &&
          !text_at(*pod, "status.podIP").empty()) {
        const bool is_ready_now = is_true_at(service, "spec.publishNotReadyAddresses") ||
                                  (objects::is_ready(*pod) && !objects::is_being_deleted(*pod));
        const json& own = pod->at("spec")["containers"][0]["ports"][0]["containerPort"];
        lines.insert(name_of(*pod) + ":" + (target.is_string() ? own : target).dump() +
                     (is_ready_now ? "" : "-"));
      }
    }
    return lines;
  }
  std::multiset<std::string> found(const std::string& service) const {
    std::multiset<std::string> lines;
    for (const json& slice : slices_of(service)) {
      EXPECT_LE(slice.at("endpoints").size(), kEndpointsPerSlice);
      for (const json& endpoint : slice.at("endpoints")) {
        lines.insert(text_at(endpoint, "targetRef.name") + ":" + slice.at("ports")[0]["port"].dump() +
                     (is_true_at(endpoint, "conditions.ready") ? "" : "-"));
      }
    }
    return lines;
  }

 private:
  std::mt19937 random_{GetParam()};
};

TEST_P(EndpointHistory, IsToldByTheSlicesAtEachStep) {
  add_service("web", {{"ports", {{{"port", 80}, {"protocol", "TCP"}, {"targetPort", "http"}}}}});
  add_service("db");
  for (int i = 0; i < 40; ++i) {
    const int changes = up_to(8) == 0 ? 150 : 1 + up_to(4);
    for (int j = 0; j < changes; ++j) {
      step();
    }
    if (up_to(10) == 0) {
      change_a_service();
    }
    if (up_to(20) == 0) {
      loops.remove_deleted();
    }
    loops.run();
    ASSERT_EQ(found("web"), expected("web"));
    ASSERT_EQ(found("db"), expected("db"));
    ASSERT_FALSE(controllers::Reconciler(loops.store, loops.cluster, loops.clock).run().changed);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EndpointHistory, ::testing::Range(0U, 8U));

}  // namespace
}  // namespace labctl::endpoints
