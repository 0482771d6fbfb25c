#include "labctl/kubelet/pod_companion.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/clock.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::kubelet {
namespace {

const ReadinessGate kGate{"labctl.dev/zones-loaded", "ZonesLoaded", "ZonesNotLoaded"};

class GateTest : public ::testing::Test {
 protected:
  const nlohmann::json& gate() {
    pod = store.get({"pods", "kube-system", "dns-0"});
    const nlohmann::json* condition = objects::condition(*pod, kGate.condition);
    static const nlohmann::json none = nlohmann::json::object();
    return condition == nullptr ? none : *condition;
  }

  SystemClock clock;
  store::Store store{"gates", clock};
  store::ObjectPtr pod;
  const model::PodKey key{"kube-system", "dns-0"};
};

TEST_F(GateTest, IsAConditionOfThePod) {
  store.create({"pods", key.ns, key.name}, {{"metadata", {{"namespace", key.ns}, {"name", key.name}}}});
  set_gate(store, key, kGate, false, "it starts again");
  EXPECT_EQ(gate().value("status", ""), "False");
  EXPECT_EQ(gate().value("reason", ""), "ZonesNotLoaded");
  EXPECT_EQ(gate().value("message", ""), "it starts again");
  set_gate(store, key, kGate, true);
  EXPECT_EQ(gate().value("status", ""), "True");
  EXPECT_EQ(gate().value("reason", ""), "ZonesLoaded");
  EXPECT_FALSE(gate().contains("message"));
}

TEST_F(GateTest, OfAPodThatHasGoneIsPassedOver) {
  EXPECT_NO_THROW(set_gate(store, key, kGate, true));
  EXPECT_EQ(store.find({"pods", key.ns, key.name}), nullptr);
}

}  // namespace
}  // namespace labctl::kubelet
