// A live lab is sent objects of the wrong shape: it refuses them and goes on.

#include "labctl/api/client.hpp"
#include "tests/e2e/labctl_program.hpp"

#include <nlohmann/json.hpp>

namespace labctl::e2e {
namespace {

using nlohmann::json;

class WrongShapes : public ::testing::Test {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    const std::string file =
        lab_.write("lab.yaml", cluster("shapes", "nodes: 1") + deployment("web", 1) +
                                   "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
                                   "spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}\n");
    ASSERT_TRUE(ends_with(lab_.run({"up", file}), kPassed));
  }
  api::Client client() const { return api::Client(lab_.socket("shapes")); }
  std::string name_of_the_first(api::Client& client, const std::string& collection) const {
    return client.get(collection).json().at("items").at(0).at("metadata").at("name");
  }

  Labctl lab_;
};

TEST_F(WrongShapes, AreRefusedAndTheLabGoesOn) {
  api::Client api = client();
  const std::string core = "/api/v1/namespaces/default/", apps = "/apis/apps/v1/namespaces/default/";
  const std::string pod = core + "pods/" + name_of_the_first(api, core + "pods");
  const std::string replicas = apps + "replicasets/" + name_of_the_first(api, apps + "replicasets");
  const std::vector<json> values{5, "", true, json::object(), {5}, 1e300, -1, {json::array()}, {{"a", 5}}};
  int refused = 0;
  for (const std::string& object : {pod, replicas, apps + "deployments/web", core + "services/web",
                                    std::string("/api/v1/nodes/node-1")}) {
    for (const json& value : values) {
      for (const char* field : {"ownerReferences", "labels", "annotations", "finalizers"}) {
        const api::Reply reply = api.send("PATCH", object, json{{"metadata", {{field, value}}}}.dump(),
                                          "application/merge-patch+json");
        EXPECT_LT(reply.status, 500) << object << field << value << reply.body;
        refused += reply.status == 422 ? 1 : 0;
      }
      for (const char* field : {"conditions", "loadBalancer", "podIPs", "containerStatuses", "addresses"}) {
        const json inner = std::string(field) == "loadBalancer" ? json{{"ingress", value}} : value;
        const api::Reply reply =
            api.send("PATCH", object + "/status", json{{"status", {{field, inner}}}}.dump(),
                     "application/merge-patch+json");
        EXPECT_LT(reply.status, 500) << object << field << value << reply.body;
        refused += reply.status == 422 ? 1 : 0;
      }
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_EQ(api.get("/lab/v1/status").json().at("phase"), "Ready");
}

TEST_F(WrongShapes, AManifestOfTwoThousandObjectsLeavesRoomForOthers) {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: e" + std::to_string(i) +
            "}\nsubsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]\n";
  }
  const std::string file = lab_.write("many.yaml", text);
  const support::ProgramResult applied = lab_.run({"apply", "-n", "shapes", "-f", file});
  EXPECT_TRUE(ends_with(applied, kPassed));
  EXPECT_EQ(count_of(applied.out, " created"), 2000);
  EXPECT_EQ(count_of(lab_.run({"apply", "-n", "shapes", "-f", file, "--dry-run"}).out, " unchanged"), 2000);
  // One that is refused keeps all from being written, wherever it stands.
  const std::string mixed =
      lab_.write("mixed.yaml", text +
                                   "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: last}\n"
                                   "subsets: [{addresses: [{ip: 192.0.2.1}]}]\n"
                                   "---\napiVersion: v1\nkind: Service\nmetadata: {name: out-of-range}\n"
                                   "spec: {clusterIP: 192.0.2.9, ports: [{port: 80}]}\n");
  EXPECT_TRUE(ends_with(lab_.run({"apply", "-n", "shapes", "-f", mixed}), kUsage));
  api::Client api = client();
  EXPECT_EQ(api.send("GET", "/api/v1/namespaces/default/endpoints/last").status, 404);
}

}  // namespace
}  // namespace labctl::e2e
