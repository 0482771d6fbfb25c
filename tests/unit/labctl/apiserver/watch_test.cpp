#include "labctl/apiserver/watch.hpp"

#include "topology/base/clock.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

// Takes what is written and ends after so many lines.
class FakeWriter final : public api::ChunkWriter {
 public:
  explicit FakeWriter(std::size_t lines) : lines_wanted_(lines) {}
  bool write(std::string_view piece) override {
    text += piece;
    lines_ += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n'));
    return lines_ < lines_wanted_;
  }
  bool is_open() const override { return !gone_.requested(); }
  const Cancel& gone() const override { return gone_; }
  void close() { gone_.request(); }
  std::vector<json> events() const {
    std::vector<json> parsed;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      parsed.push_back(json::parse(text.substr(at, end - at)));
      at = end + 1;
    }
    return parsed;
  }
  std::string text;

 private:
  std::size_t lines_wanted_;
  std::size_t lines_ = 0;
  Cancel gone_;
};

class ResourceWatchTest : public ::testing::Test {
 protected:
  static json pod(const char* app) { return {{"metadata", {{"labels", {{"app", app}}}}}}; }
  store::Key key(const char* name) { return {"pods", "default", name}; }
  void relabel(const char* name, const char* app) {
    store.modify(key(name), [&](json& object) { object["metadata"]["labels"]["app"] = app; });
  }
  static WatchFilter all() { return {"pods", std::nullopt, "", {}, {}}; }
  std::vector<std::string> seen(Watch& watch, std::size_t lines) {
    FakeWriter out(lines);
    watch.stream(out, std::nullopt);
    std::vector<std::string> told;
    for (const json& event : out.events()) {
      told.push_back(event["type"].get<std::string>() + " " + event["object"]["metadata"].value("name", ""));
    }
    return told;
  }

  SystemClock clock;
  store::Store store{"lab", clock};
  WatchHub hub{store};
};

TEST_F(ResourceWatchTest, WithoutAVersionWhatExistsComesFirst) {
  store.create(key("a"), pod("web"));
  auto watch = hub.open(all(), std::nullopt);
  store.create(key("b"), pod("web"));
  store.remove(key("a"));
  EXPECT_EQ(seen(*watch, 3), (std::vector<std::string>{"ADDED a", "ADDED b", "DELETED a"}));
}

TEST_F(ResourceWatchTest, FromAVersionOnlyWhatCameAfterIt) {
  store.create(key("a"), pod("web"));
  const std::uint64_t version = store.version();
  store.create(key("b"), pod("web"));
  auto watch = hub.open(all(), version);
  relabel("a", "api");
  EXPECT_EQ(seen(*watch, 2), (std::vector<std::string>{"ADDED b", "MODIFIED a"}));
}

TEST_F(ResourceWatchTest, AVersionTooOldGivesNoWatch) {
  store.create(key("a"), pod("web"));
  for (std::size_t i = 0; i <= store::kChangesKept; ++i) {
    store.modify(key("a"), [&](json& object) { object["status"]["count"] = i; });
  }
  EXPECT_EQ(hub.open(all(), 1), nullptr);
}

TEST_F(ResourceWatchTest, ComingIntoAndLeavingASelectionIsAddedAndDeleted) {
  WatchFilter filter = all();
  filter.labels.match_labels = {{"app", "web"}};
  auto watch = hub.open(filter, std::nullopt);
  store.create(key("a"), pod("api"));
  relabel("a", "web");
  store.modify(key("a"), [](json& object) { object["status"]["phase"] = "Running"; });
  relabel("a", "api");
  store.remove(key("a"));
  store.create(key("end"), pod("web"));
  EXPECT_EQ(seen(*watch, 4), (std::vector<std::string>{"ADDED a", "MODIFIED a", "DELETED a", "ADDED end"}));
}

TEST_F(ResourceWatchTest, OtherResourcesNamespacesAndNamesAreNotSeen) {
  WatchFilter filter = all();
  filter.ns = "default";
  filter.name = "a";
  auto watch = hub.open(filter, std::nullopt);
  store.create({"deployments", "default", "a"}, pod("web"));
  store.create({"pods", "other", "a"}, pod("web"));
  store.create(key("b"), pod("web"));
  store.create(key("a"), pod("web"));
  EXPECT_EQ(seen(*watch, 1), (std::vector<std::string>{"ADDED a"}));
}

TEST_F(ResourceWatchTest, AClientThatFallsTooFarBehindIsToldSo) {
  auto watch = hub.open(all(), std::nullopt);
  store.create(key("a"), pod("web"));
  for (std::size_t i = 0; i <= kWatchQueue; ++i) {
    store.modify(key("a"), [&](json& object) { object["status"]["count"] = i; });
  }
  FakeWriter out(2);
  watch->stream(out, std::nullopt);
  ASSERT_EQ(out.events().size(), 1U);
  EXPECT_EQ(out.events()[0]["type"], "ERROR");
  EXPECT_EQ(out.events()[0]["object"]["code"], 410);
}

TEST_F(ResourceWatchTest, EndsWhenTheClientGoes) {
  auto watch = hub.open(all(), std::nullopt);
  FakeWriter out(1);
  std::thread closer([&] { out.close(); });
  watch->stream(out, std::nullopt);
  closer.join();
  EXPECT_TRUE(out.text.empty());
}

TEST_F(ResourceWatchTest, WakesForAChangeFromTheOwnersThread) {
  auto watch = hub.open(all(), std::nullopt);
  FakeWriter out(1);
  std::thread reader([&] { watch->stream(out, std::nullopt); });
  store.create(key("a"), pod("web"));
  reader.join();
  EXPECT_EQ(out.events().size(), 1U);
}

}  // namespace
}  // namespace labctl::apiserver
