// A lab in which everything changes at once: rollouts and deletions from several clients, at any moment of a
// pod's life. Afterwards it is what its objects say, and nothing is on its way for ever.

#include "tests/e2e/labctl_program.hpp"

#include "labctl/api/client.hpp"
#include "topology/base/error.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace labctl::e2e {
namespace {

using nlohmann::json;

constexpr int kDeployments = 8;
constexpr int kReplicas = 6;
constexpr int kClients = 3;
constexpr int kChangesPerClient = 100;
constexpr std::chrono::seconds kSettledWithin{90};

std::string app(int number) { return "app-" + std::to_string(number); }

std::string probed_deployment(int number) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + app(number) +
         "}\nspec:\n  replicas: " + std::to_string(kReplicas) +
         "\n  selector: {matchLabels: {app: " + app(number) +
         "}}\n  template:\n    metadata: {labels: {app: " + app(number) +
         "}}\n    spec:\n      containers: [{name: c, image: agnhost, args: [netexec], ports: "
         "[{containerPort: "
         "8080}], readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}}]\n---\n";
}

class Churn : public ::testing::Test {
 protected:
  void SetUp() override { LABCTL_NEEDS_USER_NAMESPACES(); }

  api::Client client() const { return api::Client(lab_.socket("churn")); }
  static std::vector<json> pods(api::Client& client) {
    return client.get("/api/v1/namespaces/default/pods").json().at("items").get<std::vector<json>>();
  }
  // One client's changes: a new version of a Deployment, or a pod less.
  void change(unsigned seed) const {
    api::Client client = this->client();
    std::mt19937 random(seed);
    for (int i = 0; i < kChangesPerClient; ++i) {
      if (random() % 2 == 0) {
        const json patch{
            {"spec",
             {{"template",
               {{"metadata",
                 {{"annotations", {{"version", std::to_string(seed) + "." + std::to_string(i)}}}}}}}}}};
        client.patch(
            "/apis/apps/v1/namespaces/default/deployments/" + app(static_cast<int>(random() % kDeployments)),
            patch.dump());
        continue;
      }
      const std::vector<json> all = pods(client);
      if (!all.empty()) {
        const std::string name = all[random() % all.size()].at("metadata").at("name");
        client.send("DELETE", "/api/v1/namespaces/default/pods/" + name);  // another may have been quicker
      }
    }
  }
  // Names of pods that are being deleted, or are too many, or not ready.
  std::string unsettled() const {
    api::Client client = this->client();
    std::string text;
    const std::vector<json> all = pods(client);
    for (const json& pod : all) {
      const json none = json::array();
      const json conditions = pod.at("status").value("conditions", none);
      const bool is_ready = std::any_of(conditions.begin(), conditions.end(), [](const json& condition) {
        return condition.at("type") == "Ready" && condition.at("status") == "True";
      });
      if (pod.at("metadata").contains("deletionTimestamp") || !is_ready) {
        text +=
            pod.at("metadata").at("name").get<std::string>() +
            (pod.at("metadata").contains("deletionTimestamp") ? " is being deleted\n" : " is not ready\n");
      }
    }
    if (text.empty() && all.size() != kDeployments * kReplicas) {
      text = std::to_string(all.size()) + " pods\n";
    }
    return text;
  }

  Labctl lab_;
};

TEST_F(Churn, RolloutsAndDeletionsFromAllSidesLeaveNothingBehind) {
  std::string objects;
  for (int number = 0; number < kDeployments; ++number) {
    objects += probed_deployment(number);
  }
  ASSERT_TRUE(ends_with(
      lab_.run({"up", lab_.write("lab.yaml", cluster("churn", "nodes: 3, dns: {enabled: false}") + objects)}),
      kPassed));
  std::vector<std::thread> clients;
  for (unsigned seed = 1; seed <= kClients; ++seed) {
    clients.emplace_back([this, seed] {
      try {
        change(seed);
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (std::thread& one : clients) {
    one.join();
  }
  EXPECT_TRUE(eventually([&] { return unsettled().empty(); }, kSettledWithin)) << unsettled();
}

}  // namespace
}  // namespace labctl::e2e
