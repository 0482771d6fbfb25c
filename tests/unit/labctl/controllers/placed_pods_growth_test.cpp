// How the work of placing grows with the pods.

#include "labctl/controllers/scheduling/placed_pods.hpp"

#include "labctl/objects/fields.hpp"

#include "control_loop_fixture.hpp"

#include <chrono>
#include <string>

namespace labctl::controllers {
namespace {

using nlohmann::json;

json about_web(const std::string& key) {
  return {{"labelSelector", {{"matchLabels", {{"app", "web"}}}}}, {"topologyKey", key}};
}

json spread_over(const std::string& key, const std::string& when) {
  json constraint = about_web(key);
  constraint["maxSkew"] = 1;
  constraint["whenUnsatisfiable"] = when;
  return constraint;
}

// Thousands of pods that ask of each other cost a look each: what is asked is counted, not searched for.
std::chrono::nanoseconds time_to_place(int pods, bool has_own_labels) {
  ControlLoops many(cluster_of(20, 22));
  json object = workload(has_own_labels ? "StatefulSet" : "ReplicaSet", "web", pods);
  json& spec = object["spec"]["template"]["spec"];
  spec["affinity"] = {
      {"podAntiAffinity",
       {{"preferredDuringSchedulingIgnoredDuringExecution",
         json::array({json{{"weight", 1}, {"podAffinityTerm", about_web("kubernetes.io/hostname")}}})}}}};
  spec["affinity"]["podAffinity"] = {
      {"requiredDuringSchedulingIgnoredDuringExecution", json::array({about_web("kubernetes.io/os")})}};
  spec["topologySpreadConstraints"] = json::array({spread_over("kubernetes.io/hostname", "DoNotSchedule"),
                                                   spread_over("kubernetes.io/os", "ScheduleAnyway")});
  object["spec"]["podManagementPolicy"] = "Parallel";
  object["spec"]["serviceName"] = "web";
  many.create(has_own_labels ? "statefulsets" : "replicasets", "web", std::move(object));
  const auto begin = std::chrono::steady_clock::now();
  many.run();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(many.active(), static_cast<std::size_t>(pods));
  for (const auto& pod : many.pods()) {
    EXPECT_NE(objects::text_at(*pod, "spec.nodeName"), "") << objects::name_of(*pod);
  }
  return took;
}

TEST(PlacedPodsTest, CostGrowsAsThePodsDo) {
  for (const bool has_own_labels : {false, true}) {
    const auto few = time_to_place(250, has_own_labels);
    const auto many = time_to_place(2'000, has_own_labels);
    // Eight times the pods; sixty-four times the work if each looked at each.
    EXPECT_LT(many, few * 24) << has_own_labels << ": " << few.count() / 1'000 << " us and "
                              << many.count() / 1'000 << " us";
  }
}

}  // namespace
}  // namespace labctl::controllers
