#include "labctl/store/store.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace labctl::store {
namespace {

using nlohmann::json;

class FixedClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return {}; }
  std::chrono::system_clock::time_point wall() const override {
    return std::chrono::system_clock::time_point{std::chrono::seconds(1136214245)};
  }
};

class StoreTest : public ::testing::Test {
 protected:
  static json pod(const char* app = "web") {
    return {{"apiVersion", "v1"},
            {"kind", "Pod"},
            {"metadata", {{"labels", {{"app", app}}}}},
            {"spec", {{"restartPolicy", "Always"}}}};
  }
  static Key key(const char* name, const char* ns = "default") { return {"pods", ns, name}; }
  static const json& metadata(const ObjectPtr& object) { return object->at("metadata"); }
  ErrorKind kind_of(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      message = error.message();
      return error.kind();
    }
    return ErrorKind::Internal;
  }

  FixedClock clock;
  Store store{"lab", clock};
  std::string message;
};

TEST_F(StoreTest, CreateSetsTheMetadataThatIsItsOwn) {
  json given = pod();
  given["metadata"]["uid"] = "mine";
  given["metadata"]["deletionTimestamp"] = "2006-01-02T15:04:05Z";
  const ObjectPtr made = store.create(key("a"), given);
  EXPECT_EQ(metadata(made)["name"], "a");
  EXPECT_EQ(metadata(made)["namespace"], "default");
  EXPECT_EQ(metadata(made)["creationTimestamp"], "2006-01-02T15:04:05Z");
  EXPECT_EQ(metadata(made)["generation"], 1);
  EXPECT_EQ(metadata(made)["resourceVersion"], "1");
  EXPECT_NE(metadata(made)["uid"], "mine");
  EXPECT_FALSE(metadata(made).contains("deletionTimestamp"));
}

TEST_F(StoreTest, UidsLookLikeUuidsAndDiffer) {
  std::set<std::string> uids;
  for (int i = 0; i < 1000; ++i) {
    uids.insert(
        metadata(store.create(key(("p" + std::to_string(i)).c_str()), pod()))["uid"].get<std::string>());
  }
  EXPECT_EQ(uids.size(), 1000U);
  EXPECT_THAT(*uids.begin(),
              ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST_F(StoreTest, TheSameWritesGiveTheSameUids) {
  Store again{"lab", clock};
  Store other{"other", clock};
  const json uid = metadata(store.create(key("a"), pod()))["uid"];
  EXPECT_EQ(metadata(again.create(key("a"), pod()))["uid"], uid);
  EXPECT_NE(metadata(other.create(key("a"), pod()))["uid"], uid);
}

TEST_F(StoreTest, CreateRefusesANameThatIsTaken) {
  store.create(key("a"), pod());
  EXPECT_EQ(kind_of([&] { store.create(key("a"), pod()); }), ErrorKind::AlreadyExists);
  EXPECT_EQ(message, "pods \"a\" already exists");
  EXPECT_NO_THROW(store.create(key("a", "other"), pod()));
}

TEST_F(StoreTest, GetOfAnAbsentObjectIsNotFound) {
  EXPECT_EQ(kind_of([&] { store.get(key("a")); }), ErrorKind::NotFound);
  EXPECT_EQ(message, "pods \"a\" not found");
  EXPECT_EQ(store.find(key("a")), nullptr);
}

TEST_F(StoreTest, GenerationGoesUpWithTheSpecAlone) {
  store.create(key("a"), pod());
  ObjectPtr now = store.modify(key("a"), [](json& o) { o["status"]["phase"] = "Running"; });
  EXPECT_EQ(metadata(now)["generation"], 1);
  now = store.modify(key("a"), [](json& o) { o["metadata"]["labels"]["x"] = "y"; });
  EXPECT_EQ(metadata(now)["generation"], 1);
  now = store.modify(key("a"), [](json& o) { o["spec"]["restartPolicy"] = "Never"; });
  EXPECT_EQ(metadata(now)["generation"], 2);
}

TEST_F(StoreTest, UpdateKeepsUidAndCreationTime) {
  const ObjectPtr made = store.create(key("a"), pod());
  json changed = pod("api");
  changed["metadata"]["uid"] = "mine";
  const ObjectPtr now = store.update(key("a"), changed);
  EXPECT_EQ(metadata(now)["uid"], metadata(made)["uid"]);
  EXPECT_EQ(metadata(now)["creationTimestamp"], metadata(made)["creationTimestamp"]);
}

TEST_F(StoreTest, UpdateOfAnOldVersionIsAConflict) {
  const json old = *store.create(key("a"), pod());
  store.modify(key("a"), [](json& o) { o["status"]["phase"] = "Running"; });
  EXPECT_EQ(kind_of([&] { store.update(key("a"), old); }), ErrorKind::Busy);
  EXPECT_THAT(message, ::testing::HasSubstr("the object has been modified"));
}

TEST_F(StoreTest, AnUpdateThatChangesNothingIsNoChange) {
  const ObjectPtr made = store.create(key("a"), pod());
  int changes = 0;
  const auto subscription = store.on_change([&](const Change&) { ++changes; });
  EXPECT_EQ(store.update(key("a"), *made), made);
  EXPECT_EQ(changes, 0);
  EXPECT_EQ(store.version(), 1U);
}

TEST_F(StoreTest, AnObjectInHandNeverChanges) {
  const ObjectPtr made = store.create(key("a"), pod());
  store.modify(key("a"), [](json& o) { o["metadata"]["labels"]["app"] = "api"; });
  EXPECT_EQ(metadata(made)["labels"]["app"], "web");
}

TEST_F(StoreTest, ListGoesByNamespaceThenNameAndSelects) {
  store.create(key("b", "two"), pod());
  store.create(key("b", "one"), pod("api"));
  store.create(key("a", "two"), pod());
  const auto names = [](const std::vector<ObjectPtr>& objects) {
    std::string text;
    for (const ObjectPtr& object : objects) {
      text += metadata(object)["namespace"].get<std::string>() + "/" +
              metadata(object)["name"].get<std::string>() + " ";
    }
    return text;
  };
  EXPECT_EQ(names(store.list("pods")), "one/b two/a two/b ");
  EXPECT_EQ(names(store.list("pods", "two")), "two/a two/b ");
  EXPECT_EQ(names(store.list("pods", std::nullopt, {{{"app", "api"}}, {}})), "one/b ");
  EXPECT_TRUE(store.list("nodes").empty());
}

TEST_F(StoreTest, WhatOneListenerThrowsDoesNotKeepTheOthersFromHearing) {
  int heard = 0;
  const auto before = store.on_change([&](const Change&) { ++heard; });
  const auto thrower = store.on_change([](const Change&) { throw std::runtime_error("not me"); });
  const auto after = store.on_change([&](const Change&) { ++heard; });
  EXPECT_THROW(store.create({"pods", "default", "a"}, {{"kind", "Pod"}}), std::runtime_error);
  EXPECT_EQ(heard, 2);
  EXPECT_NE(store.find({"pods", "default", "a"}), nullptr);
}

TEST_F(StoreTest, ListenersSeeWhatWasAndWhatIs) {
  std::vector<Change> seen;
  auto subscription = store.on_change([&](const Change& change) { seen.push_back(change); });
  const ObjectPtr made = store.create(key("a"), pod());
  const ObjectPtr now = store.modify(key("a"), [](json& o) { o["status"]["phase"] = "Running"; });
  store.remove(key("a"));
  subscription.reset();
  store.create(key("b"), pod());
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].type, ChangeType::Added);
  EXPECT_EQ(seen[0].before, nullptr);
  EXPECT_EQ(seen[1].before, made);
  EXPECT_EQ(seen[1].object, now);
  EXPECT_EQ(seen[2].type, ChangeType::Deleted);
  EXPECT_EQ(metadata(seen[2].object)["resourceVersion"], "3");
}

TEST_F(StoreTest, ChangesSinceAVersionAreTheOnesAfterIt) {
  store.create(key("a"), pod());
  store.create(key("b"), pod());
  store.remove(key("a"));
  const auto changes = store.changes_since(1);
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 2U);
  EXPECT_EQ(changes->front().key.name, "b");
  EXPECT_EQ(changes->back().type, ChangeType::Deleted);
  EXPECT_TRUE(store.changes_since(3)->empty());
}

TEST_F(StoreTest, ChangesTooLongAgoOrInTheFutureAreNotKnown) {
  store.create(key("a"), pod());
  for (std::size_t i = 0; i < kChangesKept; ++i) {
    store.modify(key("a"), [&](json& o) { o["status"]["count"] = i; });
  }
  EXPECT_FALSE(store.changes_since(0));
  EXPECT_TRUE(store.changes_since(1));
  EXPECT_FALSE(store.changes_since(store.version() + 1));
}

TEST_F(StoreTest, FindsWhatAnObjectOwns) {
  const std::string uid = metadata(store.create(key("owner"), pod()))["uid"];
  json owned = pod();
  owned["metadata"]["ownerReferences"] = {{{"uid", uid}, {"controller", true}}};
  store.create(key("owned"), owned);
  EXPECT_EQ(store.owned_by(uid).size(), 1U);
  EXPECT_TRUE(store.owned_by(uid).contains(key("owned")));
  EXPECT_TRUE(store.owned_by("").contains(key("owner")));
  EXPECT_FALSE(store.owned_by("").contains(key("owned")));
  EXPECT_EQ(store.key_of_uid(uid), key("owner"));

  const ObjectPtr now = store.modify(key("owned"), [](json& o) { o["status"]["phase"] = "Running"; });
  EXPECT_EQ(store.owned_by(uid).at(key("owned")), now);
  store.modify(key("owned"), [](json& o) { o["metadata"].erase("ownerReferences"); });
  EXPECT_TRUE(store.owned_by(uid).empty());
  EXPECT_TRUE(store.owned_by("").contains(key("owned")));
  store.remove(key("owner"));
  EXPECT_FALSE(store.key_of_uid(uid));
}

TEST_F(StoreTest, ABoundDropsWhatWasWrittenLongestAgo) {
  store.set_bound("pods", 2);
  store.create(key("a"), pod());
  store.create(key("b"), pod());
  store.modify(key("a"), [](json& o) { o["status"]["phase"] = "Running"; });
  store.create(key("c"), pod());
  EXPECT_EQ(store.find(key("b")), nullptr);
  EXPECT_NE(store.find(key("a")), nullptr);
  EXPECT_EQ(store.count("pods"), 2U);
}

TEST_F(StoreTest, RestoreBringsBackObjectsSequencesAndAllocations) {
  const ObjectPtr kept = store.create(key("kept"), pod());
  const ObjectPtr changed = store.create(key("changed"), pod());
  const ObjectPtr removed = store.create(key("removed"), pod());
  store.next_in_sequence("names");
  store.allocations().claim("pool", "1", "a");
  const Store::Snapshot snapshot = store.snapshot();

  store.modify(key("changed"), [](json& o) { o["metadata"]["labels"]["app"] = "api"; });
  store.remove(key("removed"));
  store.create(key("new"), pod());
  store.next_in_sequence("names");
  store.allocations().claim("pool", "2", "b");
  store.restore(snapshot);

  EXPECT_EQ(store.find(key("kept")), kept);
  EXPECT_EQ(metadata(store.get(key("changed")))["labels"]["app"], "web");
  EXPECT_EQ(metadata(store.get(key("removed")))["uid"], metadata(removed)["uid"]);
  EXPECT_EQ(store.find(key("new")), nullptr);
  EXPECT_EQ(store.next_in_sequence("names"), 1U);
  EXPECT_EQ(store.allocations().values("pool"), std::vector<std::string>{"1"});
}

TEST_F(StoreTest, RestoreTellsTheDifferenceWithNewVersions) {
  store.create(key("changed"), pod());
  const Store::Snapshot snapshot = store.snapshot();
  store.modify(key("changed"), [](json& o) { o["metadata"]["labels"]["app"] = "api"; });
  store.create(key("new"), pod());
  const std::uint64_t version = store.version();
  std::vector<std::string> seen;
  const auto subscription = store.on_change([&](const Change& change) {
    seen.push_back(std::string(to_string(change.type)) + " " + change.key.name);
  });
  store.restore(snapshot);
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("DELETED new", "MODIFIED changed"));
  EXPECT_EQ(store.version(), version + 2);
  EXPECT_EQ(metadata(store.get(key("changed")))["resourceVersion"], std::to_string(store.version()));
}

TEST_F(StoreTest, RestoreOfAnObjectMadeAgainIsTheOldObject) {
  const json uid = metadata(store.create(key("a"), pod()))["uid"];
  const Store::Snapshot snapshot = store.snapshot();
  store.remove(key("a"));
  store.create(key("a"), pod());
  store.restore(snapshot);
  EXPECT_EQ(metadata(store.get(key("a")))["uid"], uid);
  EXPECT_EQ(store.key_of_uid(uid.get<std::string>()), key("a"));
}

// Everybody reads these without asking, whoever wrote them.
TEST_F(StoreTest, AnObjectWithoutTheFrameThatReadersRelyOnIsRefused) {
  store.create(key("a"), pod());
  const std::uint64_t version = store.version();
  const std::vector<json> wrong{5,         "", true, json::array(), json{5}, json::array({json::array()}),
                                {{"a", 5}}};
  for (const char* way :
       {"", "/metadata", "/spec", "/status", "/metadata/labels", "/metadata/annotations",
        "/metadata/ownerReferences", "/metadata/finalizers", "/status/conditions", "/status/loadBalancer"}) {
    for (const json& value : wrong) {
      const std::string path(way);
      const bool takes_objects = path.empty() || path == "/metadata" || path == "/spec" ||
                                 path == "/status" || path == "/status/loadBalancer";
      const bool is_list = path == "/metadata/ownerReferences" || path == "/metadata/finalizers" ||
                           path == "/status/conditions";
      if ((takes_objects && value.is_object()) || (is_list && value == json::array())) {
        continue;
      }
      json object = pod();
      object[json::json_pointer(path)] = value;
      EXPECT_EQ(kind_of([&] { store.update(key("a"), object); }), ErrorKind::InvalidInput) << path << value;
      EXPECT_EQ(kind_of([&] { store.create(key("b"), object); }), ErrorKind::InvalidInput) << path << value;
    }
  }
  EXPECT_EQ(store.version(), version);
  json owned = pod();
  owned["metadata"]["ownerReferences"] = {{{"kind", "Pod"}, {"uid", 5}}};
  EXPECT_EQ(kind_of([&] { store.update(key("a"), owned); }), ErrorKind::InvalidInput);
  EXPECT_EQ(message, "pods \"a\" is invalid: metadata.ownerReferences: must be a list of objects with a uid");
}

}  // namespace
}  // namespace labctl::store
