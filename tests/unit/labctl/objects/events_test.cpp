#include "labctl/objects/events.hpp"

#include "tests/unit/labctl/controllers/control_loop_fixture.hpp"

namespace labctl::objects {
namespace {

using controllers::bare_pod;
using nlohmann::json;

TEST(Events, ARepeatCountsUp) {
  controllers::ControlLoops loops;
  const auto pod = loops.create("pods", "a", bare_pod());
  record(loops.store, *pod, EventType::Warning, "BackOff", "again", "kubelet");
  loops.clock.advance(std::chrono::seconds(5));
  record(loops.store, *pod, EventType::Warning, "BackOff", "again", "kubelet");
  record(loops.store, *pod, EventType::Warning, "BackOff", "otherwise", "kubelet");
  const auto events = loops.store.list("events");
  ASSERT_EQ(events.size(), 2U);
  const json& repeated = events[0]->at("count") == 2 ? *events[0] : *events[1];
  EXPECT_EQ(repeated["count"], 2);
  EXPECT_EQ(repeated["firstTimestamp"], "2006-01-02T15:04:05Z");
  EXPECT_EQ(repeated["lastTimestamp"], "2006-01-02T15:04:10Z");
  EXPECT_EQ(repeated["type"], "Warning");
  EXPECT_EQ(repeated["source"]["component"], "kubelet");
}

TEST(Events, NameTheObjectTheyAreAbout) {
  controllers::ControlLoops loops;
  const auto pod = loops.create("pods", "a", bare_pod());
  record(loops.store, *pod, EventType::Normal, "Started", "Started container c", "kubelet");
  const json event = *loops.store.list("events").front();
  EXPECT_EQ(event["involvedObject"]["kind"], "Pod");
  EXPECT_EQ(event["involvedObject"]["name"], "a");
  EXPECT_EQ(event["involvedObject"]["namespace"], "default");
  EXPECT_EQ(event["involvedObject"]["uid"], pod->at("metadata").at("uid"));
  EXPECT_EQ(event["metadata"]["namespace"], "default");
}

TEST(Events, SayThatThereIsNoReasonWhenNoneWasGiven) {
  controllers::ControlLoops loops;
  const auto pod = loops.create("pods", "a", bare_pod());
  record(loops.store, *pod, EventType::Warning, "Failed", "Error: ", "kubelet");
  EXPECT_EQ((*loops.store.list("events").front())["message"], "Error: no reason was given");
}

TEST(Events, OfNodesAreInTheDefaultNamespace) {
  controllers::ControlLoops loops;
  record(loops.store, *loops.store.get({"nodes", "", "node-1"}), EventType::Normal, "Starting", "up");
  EXPECT_EQ(loops.store.list("events", "default").size(), 1U);
}

TEST(Events, OnlyTheNewestAreKept) {
  controllers::ControlLoops loops;
  const auto pod = loops.create("pods", "a", bare_pod());
  for (std::size_t i = 0; i < kEventsKept + 10; ++i) {
    record(loops.store, *pod, EventType::Normal, "Tick", std::to_string(i));
  }
  EXPECT_EQ(loops.store.count("events"), kEventsKept);
}

}  // namespace
}  // namespace labctl::objects
