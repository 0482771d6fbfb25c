#include "labctl/controllers/reconcile.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "labctl/objects/pod_course.hpp"

#include "control_loop_fixture.hpp"

#include <map>
#include <random>
#include <set>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::controller_of;
using objects::delete_object;
using objects::name_of;
using objects::text_at;
using objects::uid_of;

TEST(Reconcile, ASecondRunChangesNothing) {
  ControlLoops loops;
  loops.create("deployments", "web", workload("Deployment", "web", 3));
  loops.settle();
  const std::uint64_t version = loops.store.version();
  EXPECT_FALSE(loops.run().changed);
  EXPECT_FALSE(Reconciler(loops.store, loops.cluster, loops.clock).run().changed);
  EXPECT_EQ(loops.store.version(), version);
}

TEST(Reconcile, ThousandsOfPodsAreSpreadEvenlyWithAnAddressEach) {
  ControlLoops loops(cluster_of(10, 22));
  loops.create("deployments", "web", workload("Deployment", "web", 5000));
  loops.run();
  std::map<std::string, int> per_node;
  std::set<std::string> addresses;
  for (const auto& pod : loops.pods()) {
    ++per_node[text_at(*pod, "spec.nodeName")];
    addresses.insert(text_at(*pod, "status.podIP"));
  }
  EXPECT_EQ(addresses.size(), 5000U);
  EXPECT_EQ(per_node.size(), 10U);
  for (const auto& [node, count] : per_node) {
    EXPECT_EQ(count, 500) << node;
  }
}

TEST(Reconcile, ARestoredStoreSettlesAsItWas) {
  ControlLoops loops;
  loops.create("deployments", "web", workload("Deployment", "web", 3));
  loops.settle();
  const auto names = loops.pod_names();
  const store::Store::Snapshot snapshot = loops.store.snapshot();
  loops.scale("deployments", "web", 6);
  loops.create("deployments", "api", workload("Deployment", "api", 2));
  loops.run();
  loops.store.restore(snapshot);
  loops.settle();
  EXPECT_EQ(loops.pod_names(), names);
  EXPECT_EQ(loops.store.allocations().owned_by("pod/default/" + names[0]).size(), 1U);
}

// Random histories of one lab. After each is left alone everything must add up.
class RandomHistory : public ::testing::TestWithParam<unsigned> {
 protected:
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  std::string some_pod() {
    const auto names = loops_.pod_names();
    return names.empty() ? "" : names[static_cast<std::size_t>(pick(static_cast<int>(names.size())))];
  }

  void step() {
    static const std::vector<std::pair<const char*, const char*>> kScaled{
        {"deployments", "web"}, {"deployments", "api"}, {"statefulsets", "db"}, {"replicasets", "solo"}};
    const auto [resource, name] = kScaled[static_cast<std::size_t>(pick(4))];
    const std::string pod = some_pod();
    switch (pick(10)) {
      case 0:
      case 1:
        loops_.scale(resource, name, pick(12));
        break;
      case 2:
      case 3:
        loops_.set_image(resource, name, "app:" + std::to_string(pick(4)));
        break;
      case 4:
        loops_.set_image("daemonsets", "agent", "app:" + std::to_string(pick(3)));
        break;
      case 5:
        if (!pod.empty()) {
          delete_object(loops_.store, {"pods", "default", pod}, {std::chrono::seconds(pick(2) * 30), false});
        }
        break;
      case 6:
        if (!pod.empty()) {
          loops_.edit("pods", pod, [&](json& object) {
            object["metadata"]["labels"]["app"] = std::vector{"web", "api", "db", "solo", "none"}[pick(5)];
          });
        }
        break;
      case 7:
        if (!pod.empty()) {
          loops_.finish(pod, pick(2) == 0 ? "Failed" : "Succeeded");
        }
        break;
      case 8:
        loops_.store.modify({"nodes", "", "node-" + std::to_string(1 + pick(3))}, [&](json& node) {
          node["metadata"]["labels"]["agent"] = pick(3) == 0 ? "no" : "yes";
        });
        break;
      case 9:
        if (!pod.empty() && objects::lives_on_node(loops_.get("pods", pod))) {
          loops_.make_ready(pod, pick(2) == 0);
        }
        break;
    }
    switch (pick(3)) {
      case 0:
        loops_.run();
        break;
      case 1:
        loops_.run();
        loops_.live();
        break;
      default:
        break;
    }
  }

  // Pods that a controller has, active, of its newest template.
  void expect_replicas(const char* resource, const char* name, std::size_t wanted) {
    const json owner = loops_.get(resource, name);
    std::set<std::string> owners{uid_of(owner)};
    for (const auto& [key, object] : loops_.store.owned_by(uid_of(owner))) {
      owners.insert(uid_of(*object));
    }
    std::size_t count = 0;
    for (const auto& pod : loops_.pods()) {
      const json* controller = controller_of(*pod);
      if (objects::is_active(*pod) && controller != nullptr && owners.contains(text_at(*controller, "uid"))) {
        ++count;
        // A ReplicaSet alone never replaces a running pod for a new template.
        if (std::string_view(resource) != "replicasets") {
          EXPECT_EQ(pod->at("spec").at("containers"), owner["spec"]["template"]["spec"]["containers"])
              << name_of(*pod);
        }
      }
    }
    EXPECT_EQ(count, wanted) << resource << "/" << name;
  }

  void expect_order() {
    std::set<std::string> addresses;
    std::size_t held = 0;
    for (const auto& pod : loops_.pods()) {
      EXPECT_FALSE(objects::is_being_deleted(*pod)) << name_of(*pod);
      const json* controller = controller_of(*pod);
      if (controller != nullptr) {
        EXPECT_TRUE(loops_.store.key_of_uid(text_at(*controller, "uid"))) << name_of(*pod);
      }
      if (objects::is_finished(*pod)) {
        EXPECT_EQ(text_at(*pod, "status.podIP"), "");
        continue;
      }
      const auto address = IpAddress::parse(text_at(*pod, "status.podIP"));
      ASSERT_TRUE(address) << name_of(*pod);
      ++held;
      EXPECT_TRUE(addresses.insert(to_string(*address)).second) << to_string(*address) << " twice";
      for (const model::Node& node : loops_.cluster.nodes) {
        if (node.name == text_at(*pod, "spec.nodeName")) {
          EXPECT_TRUE(node.pod_cidrs[0].contains(*address)) << to_string(*address) << " on " << node.name;
        }
      }
    }
    std::size_t allocated = 0;
    for (const model::Node& node : loops_.cluster.nodes) {
      allocated += loops_.store.allocations().count("pods/" + to_string(node.pod_cidrs[0]));
    }
    EXPECT_EQ(allocated, held);
  }

  std::mt19937 random_{GetParam()};
  ControlLoops loops_{cluster_of(3)};
};

TEST_P(RandomHistory, EndsWithTheRightPodsAndAnAddressEach) {
  loops_.create("deployments", "web", workload("Deployment", "web", 5));
  loops_.create("deployments", "api", [&] {
    json object = workload("Deployment", "api", 3);
    object["spec"]["strategy"]["type"] = GetParam() % 2 == 0 ? "Recreate" : "RollingUpdate";
    return object;
  }());
  loops_.create("statefulsets", "db", [&] {
    json object = workload("StatefulSet", "db", 3);
    // An ordered set waits for ever for a pod that does not become ready; so does Kubernetes'.
    object["spec"]["podManagementPolicy"] = GetParam() % 3 == 0 ? "OrderedReady" : "Parallel";
    return object;
  }());
  loops_.create("replicasets", "solo", workload("ReplicaSet", "solo", 2));
  loops_.create("daemonsets", "agent", [] {
    json object = workload("DaemonSet", "agent", 0);
    object["spec"]["template"]["spec"]["nodeSelector"] = {{"agent", "yes"}};
    return object;
  }());
  for (int i = 0; i < 60; ++i) {
    step();
  }
  loops_.settle();
  // A pod that left its owner stays; under a StatefulSet's name it keeps the set waiting, as in Kubernetes. A
  // user would remove both.
  for (const auto& pod : loops_.pods()) {
    const json* controller = controller_of(*pod);
    if (controller == nullptr || (name_of(*pod).starts_with("db-") && text_at(*controller, "name") != "db")) {
      delete_object(loops_.store, {"pods", "default", name_of(*pod)});
    }
  }
  loops_.settle();

  for (const auto& [resource, name] : {std::pair("deployments", "web"), std::pair("deployments", "api"),
                                       std::pair("statefulsets", "db"), std::pair("replicasets", "solo")}) {
    expect_replicas(resource, name, loops_.get(resource, name)["spec"]["replicas"].get<std::size_t>());
  }
  std::size_t wanted_agents = 0;
  for (const auto& node : loops_.store.list("nodes")) {
    wanted_agents += node->at("metadata").at("labels").value("agent", "") == "yes" ? 1 : 0;
  }
  expect_replicas("daemonsets", "agent", wanted_agents);
  expect_order();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistory, ::testing::Range(1U, 61U));

}  // namespace
}  // namespace labctl::controllers
