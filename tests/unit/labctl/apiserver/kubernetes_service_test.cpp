#include "labctl/apiserver/kubernetes_service.hpp"

#include "labctl/objects/fields.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

namespace labctl::apiserver {
namespace {

using nlohmann::json;
using objects::name_of;
using objects::text_at;

model::Cluster cluster_with(const std::vector<const char*>& ranges) {
  model::Cluster cluster = controllers::cluster_of(2);
  cluster.nodes[0].addresses.push_back(*IpAddress::parse("2001:db8::11"));
  for (const char* range : ranges) {
    cluster.network.service_cidrs.push_back(*Prefix::parse(range));
  }
  return cluster;
}

std::vector<std::string> names(const std::vector<json>& objects) {
  std::vector<std::string> found;
  for (const json& object : objects) {
    found.push_back(text_at(object, "kind") + " " + name_of(object));
  }
  return found;
}

TEST(KubernetesService, HasTheFirstAddressAndTheFirstNode) {
  const controllers::ControlLoops loops;
  const std::vector<json> objects = ensure_kubernetes_service(loops.store, cluster_with({"10.96.0.0/12"}));
  EXPECT_EQ(names(objects), (std::vector<std::string>{"Service kubernetes", "EndpointSlice kubernetes",
                                                      "Endpoints kubernetes"}));
  EXPECT_EQ(objects[0]["spec"]["clusterIP"], "10.96.0.1");
  EXPECT_EQ(objects[0]["spec"]["ipFamilyPolicy"], "SingleStack");
  EXPECT_EQ(objects[0]["spec"]["ports"],
            json::parse(R"([{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}])"));
  EXPECT_FALSE(objects[0]["spec"].contains("selector"));
  EXPECT_EQ(objects[1]["metadata"]["labels"], (json{{"kubernetes.io/service-name", "kubernetes"}}));
  EXPECT_EQ(objects[1]["endpoints"][0]["addresses"], json::array({"192.168.50.11"}));
  EXPECT_EQ(objects[1]["ports"], json::parse(R"([{"name": "https", "port": 6443, "protocol": "TCP"}])"));
  EXPECT_EQ(objects[2]["subsets"][0]["addresses"][0]["ip"], "192.168.50.11");
}

TEST(KubernetesService, HasBothFamiliesInTheOrderOfTheRanges) {
  const controllers::ControlLoops loops;
  const std::vector<json> objects =
      ensure_kubernetes_service(loops.store, cluster_with({"fd00:10:96::/112", "10.96.0.0/12"}));
  EXPECT_EQ(objects[0]["spec"]["clusterIPs"], (json{"fd00:10:96::1", "10.96.0.1"}));
  EXPECT_EQ(objects[0]["spec"]["ipFamilies"], (json{"IPv6", "IPv4"}));
  EXPECT_EQ(objects[0]["spec"]["ipFamilyPolicy"], "RequireDualStack");
  EXPECT_EQ(names(objects),
            (std::vector<std::string>{"Service kubernetes", "EndpointSlice kubernetes",
                                      "Endpoints kubernetes", "EndpointSlice kubernetes-ipv4"}));
  EXPECT_EQ(objects[1]["addressType"], "IPv6");
}

TEST(KubernetesService, OnlyWhatIsMissingIsGivenAndTheLoopsLeaveItAlone) {
  controllers::ControlLoops loops(cluster_with({"10.96.0.0/12"}));
  for (const json& object : ensure_kubernetes_service(loops.store, loops.cluster)) {
    const std::string& kind = text_at(object, "kind");
    loops.create(kind == "Service"     ? "services"
                 : kind == "Endpoints" ? "endpoints"
                                       : "endpointslices",
                 name_of(object), object);
  }
  EXPECT_TRUE(ensure_kubernetes_service(loops.store, loops.cluster).empty());
  loops.run();  // every namespace gets what it has
  const std::uint64_t version = loops.store.version();
  EXPECT_TRUE(ensure_kubernetes_service(loops.store, loops.cluster).empty());
  loops.run();
  EXPECT_EQ(loops.store.version(), version);
  loops.store.remove({"endpointslices", "default", "kubernetes"});
  EXPECT_EQ(names(ensure_kubernetes_service(loops.store, loops.cluster)),
            std::vector<std::string>{"EndpointSlice kubernetes"});
}

}  // namespace
}  // namespace labctl::apiserver
