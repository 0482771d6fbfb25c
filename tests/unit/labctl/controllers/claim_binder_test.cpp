#include "labctl/controllers/claim_binder.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"
#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

#include <gmock/gmock.h>

namespace labctl::controllers {
namespace {

using nlohmann::json;
using objects::text_at;

json claim_of(const std::string& name, json spec = json::object()) {
  spec["accessModes"] = {"ReadWriteOnce"};
  spec["volumeMode"] = "Filesystem";
  spec["resources"] = {{"requests", {{"storage", "1Gi"}}}};
  return {{"apiVersion", "v1"},
          {"kind", "PersistentVolumeClaim"},
          {"metadata", {{"name", name}, {"namespace", "default"}}},
          {"spec", spec},
          {"status", {{"phase", "Pending"}}}};
}

class Claims : public testing::Test {
 protected:
  void make_class(const std::string& policy = "Delete") {
    json standard = lab_storage_class();
    standard["reclaimPolicy"] = policy;
    loops.store.create({"storageclasses", "", "standard"}, standard);
  }
  json make_claim(const std::string& name, const json& spec = json::object()) {
    loops.store.create({"persistentvolumeclaims", "default", name}, claim_of(name, spec));
    loops.run();
    return claim(name);
  }
  void make_volume(const std::string& name, const std::string& size, const json& more = json::object()) {
    json spec = {{"capacity", {{"storage", size}}},
                 {"accessModes", {"ReadWriteOnce", "ReadWriteMany"}},
                 {"volumeMode", "Filesystem"},
                 {"persistentVolumeReclaimPolicy", "Retain"},
                 {"storageClassName", "manual"}};
    spec.update(more);
    loops.store.create({"persistentvolumes", "", name}, {{"kind", "PersistentVolume"},
                                                         {"metadata", {{"name", name}}},
                                                         {"spec", spec},
                                                         {"status", {{"phase", "Available"}}}});
  }
  json claim(const std::string& name) const {
    return *loops.store.get({"persistentvolumeclaims", "default", name});
  }
  json volume(const std::string& name) const { return *loops.store.get({"persistentvolumes", "", name}); }
  ControlLoops loops;
};

TEST_F(Claims, WithoutAClassAreOfTheDefaultOne) {
  make_class();
  const json bound = make_claim("data");
  EXPECT_EQ(text_at(bound, "status.phase"), "Bound");
  EXPECT_EQ(text_at(bound, "spec.storageClassName"), "standard");
  const json its = volume(text_at(bound, "spec.volumeName"));
  EXPECT_EQ(text_at(its, "spec.claimRef.name"), "data");
  EXPECT_EQ(text_at(its, "status.phase"), "Bound");
  EXPECT_FALSE(loops.run().changed);
}

TEST_F(Claims, OfAClassThatIsNotThereAreBoundAndTold) {
  make_class();
  const json bound = make_claim("data", {{"storageClassName", "gp2"}});
  EXPECT_EQ(text_at(bound, "status.phase"), "Bound");
  EXPECT_EQ(text_at(bound, "spec.storageClassName"), "gp2");
  EXPECT_THAT(
      loops.events("ProvisioningSucceeded"),
      testing::ElementsAre(testing::EndsWith(": storageclass.storage.k8s.io \"gp2\" not found, the lab's own "
                                             "stands in for it")));
}

TEST_F(Claims, ThatAreUsedStayUntilNoPodHasThem) {
  make_class();
  const store::Key key{"persistentvolumeclaims", "default", "data"};
  EXPECT_THAT(make_claim("data")["metadata"]["finalizers"],
              testing::ElementsAre("kubernetes.io/pvc-protection"));
  json pod = bare_pod();
  pod["spec"]["volumes"] = {{{"name", "d"}, {"persistentVolumeClaim", {{"claimName", "data"}}}}};
  loops.create("pods", "db", pod);
  loops.run();
  objects::delete_object(loops.store, key);
  loops.run();
  EXPECT_TRUE(objects::is_being_deleted(claim("data")));
  EXPECT_EQ(text_at(claim("data"), "status.phase"), "Bound");
  loops.finish("db", "Succeeded");
  loops.run();
  EXPECT_NE(loops.store.find(key), nullptr);
  loops.store.remove({"pods", "default", "db"});
  loops.run();
  EXPECT_EQ(loops.store.find(key), nullptr);
  EXPECT_TRUE(loops.store.list("persistentvolumes").empty());
}

TEST_F(Claims, ThatNobodyUsesGoAtOnce) {
  make_class();
  make_claim("data");
  json pod = bare_pod();
  pod["spec"]["schedulingGates"] = {{{"name", "later"}}};
  pod["spec"]["volumes"] = {{{"name", "d"}, {"persistentVolumeClaim", {{"claimName", "data"}}}}};
  loops.create("pods", "waits", pod);
  loops.run();
  objects::delete_object(loops.store, {"persistentvolumeclaims", "default", "data"});
  loops.run();
  EXPECT_TRUE(loops.store.list("persistentvolumeclaims").empty());
}

TEST_F(Claims, WaitWhereThereIsNoClass) {
  EXPECT_EQ(text_at(make_claim("data"), "status.phase"), "Pending");
  EXPECT_THAT(loops.events("FailedBinding"), testing::SizeIs(1));
  make_class();
  loops.run();
  EXPECT_EQ(text_at(claim("data"), "status.phase"), "Bound");
}

TEST_F(Claims, WithAnEmptyClassWaitForAVolume) {
  make_class();
  EXPECT_EQ(text_at(make_claim("data", {{"storageClassName", ""}}), "status.phase"), "Pending");
  make_volume("disk", "5Gi", {{"storageClassName", ""}});
  loops.run();
  EXPECT_EQ(text_at(claim("data"), "spec.volumeName"), "disk");
}

TEST_F(Claims, GetTheSmallestVolumeThatFits) {
  make_volume("small", "100Mi");
  make_volume("large", "5Gi");
  make_volume("right", "2Gi");
  EXPECT_EQ(text_at(make_claim("data", {{"storageClassName", "manual"}}), "spec.volumeName"), "right");
}

TEST_F(Claims, GetTheVolumeThatIsKeptForThem) {
  make_volume("free", "1Gi");
  make_volume("kept", "5Gi", {{"claimRef", {{"namespace", "default"}, {"name", "data"}}}});
  EXPECT_EQ(text_at(make_claim("data", {{"storageClassName", "manual"}}), "spec.volumeName"), "kept");
}

TEST_F(Claims, ThatGoReleaseTheirVolume) {
  make_volume("disk", "1Gi");
  make_claim("data", {{"storageClassName", "manual"}});
  loops.store.remove({"persistentvolumeclaims", "default", "data"});
  loops.run();
  EXPECT_EQ(text_at(volume("disk"), "status.phase"), "Released");
  // Somebody else's data is in it.
  EXPECT_NE(text_at(make_claim("again", {{"storageClassName", "manual"}}), "spec.volumeName"), "disk");
}

TEST_F(Claims, ThatGoTakeAMadeVolumeWithThem) {
  make_class();
  make_claim("data");
  loops.store.remove({"persistentvolumeclaims", "default", "data"});
  loops.run();
  EXPECT_EQ(loops.store.count("persistentvolumes"), 0U);
}

}  // namespace
}  // namespace labctl::controllers
