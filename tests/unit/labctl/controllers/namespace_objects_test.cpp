#include "labctl/controllers/namespace_objects.hpp"

#include "labctl/objects/deletion.hpp"
#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;

class NamespaceObjects : public testing::Test {
 protected:
  NamespaceObjects() { loops.run(); }
  void make_namespace(const std::string& name) {
    loops.store.create({"namespaces", "", name}, {{"kind", "Namespace"}, {"metadata", {{"name", name}}}});
  }
  store::ObjectPtr account(const std::string& ns) const {
    return loops.store.find({"serviceaccounts", ns, "default"});
  }
  store::ObjectPtr ca(const std::string& ns) const {
    return loops.store.find({"configmaps", ns, kRootCaConfigMap});
  }
  ControlLoops loops;
};

TEST_F(NamespaceObjects, AreThereForEachNamespace) {
  make_namespace("shop");
  loops.run();
  for (const char* ns : {"default", "kube-system", "shop"}) {
    EXPECT_NE(account(ns), nullptr) << ns;
    ASSERT_NE(ca(ns), nullptr) << ns;
    EXPECT_THAT(ca(ns)->at("data").at("ca.crt"), testing::HasSubstr("BEGIN CERTIFICATE"));
  }
}

TEST_F(NamespaceObjects, ComeBack) {
  loops.store.remove({"serviceaccounts", "default", "default"});
  loops.store.remove({"configmaps", "default", kRootCaConfigMap});
  loops.run();
  EXPECT_NE(account("default"), nullptr);
  EXPECT_NE(ca("default"), nullptr);
}

TEST_F(NamespaceObjects, AChangedCertificateIsPutRight) {
  const json before = ca("default")->at("data");
  loops.store.modify({"configmaps", "default", kRootCaConfigMap}, [](json& object) {
    object["data"] = {{"ca.crt", "mine"}};
  });
  loops.run();
  EXPECT_EQ(ca("default")->at("data"), before);
}

TEST_F(NamespaceObjects, GoWithTheirNamespace) {
  make_namespace("shop");
  loops.run();
  objects::delete_object(loops.store, {"namespaces", "", "shop"});
  loops.settle();
  EXPECT_EQ(loops.store.find({"namespaces", "", "shop"}), nullptr);
  EXPECT_TRUE(loops.store.keys_in_namespace("shop").empty());
}

TEST_F(NamespaceObjects, AreLeftAsTheyAreFound) { EXPECT_FALSE(loops.run().changed); }

}  // namespace
}  // namespace labctl::controllers
