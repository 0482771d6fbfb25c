// One bad object among good ones: it has an event, and the others are as if it were not there.

#include "labctl/objects/contain.hpp"

#include "labctl/objects/fields.hpp"
#include "topology/base/error.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

#include <stdexcept>

namespace labctl::objects {
namespace {

using controllers::workload;
using nlohmann::json;

class ContainTest : public ::testing::Test {
 protected:
  // What no admission lets in, as it may be in a store all the same.
  static json bad(const std::string& kind, const std::string& name) {
    json object = workload(kind, name, 2);
    object["spec"]["selector"]["matchLabels"] = 5;
    return object;
  }
  std::size_t pods_of(const std::string& app) const {
    std::size_t count = 0;
    for (const store::ObjectPtr& pod : loops.pods()) {
      count += text_at(*pod, "metadata.labels.app") == app ? 1 : 0;
    }
    return count;
  }

  controllers::ControlLoops loops;
  store::Key key{"pods", "default", "a"};
};

TEST_F(ContainTest, WhateverIsThrownBecomesAnEventOfTheObject) {
  loops.create("pods", "a", controllers::bare_pod());
  EXPECT_FALSE(contain(loops.store, key, "One", "test", [] { throw Error(ErrorKind::Kernel, "no room"); }));
  EXPECT_FALSE(contain(loops.store, key, "Two", "test", [] { throw std::runtime_error("odd"); }));
  EXPECT_FALSE(contain(loops.store, key, "Three", "test", [] { throw 5; }));
  EXPECT_FALSE(contain(loops.store, key, "Four", "test", [] { json(5).at("x"); }));
  EXPECT_TRUE(contain(loops.store, key, "Five", "test", [] {}));
  EXPECT_EQ(loops.events("One"), std::vector<std::string>{"no room"});
  EXPECT_EQ(loops.events("Two"), std::vector<std::string>{"odd"});
  ASSERT_EQ(loops.events("Three").size(), 1U);
  EXPECT_FALSE(loops.events("Three").front().empty());
  EXPECT_EQ(loops.events("Four").size(), 1U);
  EXPECT_TRUE(loops.events("Five").empty());
}

TEST_F(ContainTest, WhatIsThrownOverNoObjectGoesNoFurther) {
  EXPECT_FALSE(contain(loops.store, key, "One", "test", [] { throw std::runtime_error("odd"); }));
}

TEST_F(ContainTest, AWorkloadThatThrowsDoesNotKeepTheOthers) {
  loops.create("deployments", "bad", bad("Deployment", "bad"));
  loops.create("replicasets", "bad", bad("ReplicaSet", "bad"));
  loops.create("statefulsets", "bad", bad("StatefulSet", "bad"));
  loops.create("daemonsets", "bad", bad("DaemonSet", "bad"));
  json odd = workload("Deployment", "odd", 2);
  odd["spec"]["template"] = "a text";
  loops.create("deployments", "odd", odd);
  loops.create("deployments", "web", workload("Deployment", "web", 3));
  loops.settle();
  EXPECT_EQ(pods_of("web"), 3U);
  EXPECT_EQ(loops.pods().size(), 3U);
  EXPECT_EQ(loops.events("FailedSync").size(), 5U);
}

TEST_F(ContainTest, AWorkloadThatThrowsIsTriedLessAndLess) {
  loops.create("deployments", "bad", bad("Deployment", "bad"));
  std::chrono::seconds waited{0};
  for (int times = 1; times <= 5; ++times) {
    const controllers::Reconciled reconciled = loops.run();
    ASSERT_TRUE(reconciled.again_at.has_value());
    const auto pause =
        std::chrono::duration_cast<std::chrono::seconds>(*reconciled.again_at - loops.clock.wall());
    EXPECT_EQ(pause, pause_after(times)) << times;
    EXPECT_FALSE(loops.reconciler.has_work());
    loops.clock.advance(pause);
    waited += pause;
  }
  EXPECT_EQ(waited.count(), 1 + 2 + 4 + 8 + 16);
}

TEST_F(ContainTest, AWorkloadThatWasMendedIsLookedAtAtOnce) {
  loops.create("deployments", "bad", bad("Deployment", "bad"));
  loops.run();
  loops.edit("deployments", "bad", [](json& object) {
    object["spec"]["selector"]["matchLabels"] = {{"app", "bad"}};
  });
  loops.settle();
  EXPECT_EQ(pods_of("bad"), 2U);
}

TEST_F(ContainTest, AnOddReferenceToAnOwnerIsNotStored) {
  json odd = workload("ReplicaSet", "odd", 1);
  for (const json& owners :
       {json(5), json(""), json(true), json::object(), json::array({5, "x", {{"controller", 5}}})}) {
    odd["metadata"]["ownerReferences"] = owners;
    EXPECT_THROW(loops.create("replicasets", "odd", odd), Error) << owners;
    loops.run();
  }
  loops.create("deployments", "web", workload("Deployment", "web", 1));
  loops.settle();
  EXPECT_EQ(pods_of("web"), 1U);
}

}  // namespace
}  // namespace labctl::objects
