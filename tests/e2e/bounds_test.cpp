// More replicas than a lab could ever carry are refused on every way into a
// running lab, with the field and the number.

#include "tests/e2e/labctl_program.hpp"

#include "labctl/api/client.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace labctl::e2e {
namespace {

using nlohmann::json;

constexpr std::int64_t kFarTooMany = 1'000'000'000;
const std::string kDeploymentsPath = "/apis/apps/v1/namespaces/default/deployments";

class Bounds : public ::testing::Test {
 protected:
  void SetUp() override {
    LABCTL_NEEDS_USER_NAMESPACES();
    ASSERT_TRUE(ends_with(
        lab_.run({"up", lab_.write("lab.yaml", cluster("bounds", "nodes: 3, dns: {enabled: false}") +
                                                   deployment("web", 2))}),
        kPassed));
  }
  static ::testing::AssertionResult is_refused(const api::Reply& reply) {
    const std::string message = reply.json().value("message", "");
    const bool is_so = reply.status == 422 &&
                       message.find("spec.replicas: 1000000000: this Cluster has addresses for 759 pods") !=
                           std::string::npos;
    return is_so ? ::testing::AssertionSuccess()
                 : ::testing::AssertionFailure() << reply.status << " " << reply.body;
  }

  Labctl lab_;
};

TEST_F(Bounds, RefuseReplicasFarBeyondTheRoom) {
  api::Client client(lab_.socket("bounds"));
  const json patch{{"spec", {{"replicas", kFarTooMany}}}};
  const std::string web = kDeploymentsPath + "/web";
  json whole = client.get(web).json();
  whole["spec"]["replicas"] = kFarTooMany;
  EXPECT_TRUE(is_refused(client.send("PUT", web, whole.dump())));
  EXPECT_TRUE(is_refused(client.send("PATCH", web, patch.dump(), "application/merge-patch+json")));
  EXPECT_TRUE(is_refused(client.send("PATCH", web + "/scale", patch.dump(), "application/merge-patch+json")));
  whole["metadata"] = {{"name", "more"}, {"namespace", "default"}};
  EXPECT_TRUE(is_refused(client.send("POST", kDeploymentsPath, whole.dump())));
  EXPECT_EQ(client.get(web).json().at("spec").at("replicas"), 2);
  EXPECT_EQ(client.send("GET", kDeploymentsPath + "/more").status, 404);
}

TEST_F(Bounds, LeaveOrdinaryScalingAlone) {
  api::Client client(lab_.socket("bounds"));
  const auto scale = [&](int replicas) {
    const json patch{{"spec", {{"replicas", replicas}}}};
    return client.send("PATCH", kDeploymentsPath + "/web/scale", patch.dump(), "application/merge-patch+json")
        .status;
  };
  EXPECT_EQ(scale(5), 200);
  EXPECT_TRUE(eventually([&] {
    return client.get(kDeploymentsPath + "/web").json().at("status").value("readyReplicas", 0) == 5;
  }));
  EXPECT_EQ(scale(0), 200);
}

}  // namespace
}  // namespace labctl::e2e
