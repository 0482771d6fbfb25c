#include "labctl/api/up_message.hpp"

#include "topology/base/error.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace labctl::api {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

UpReply reply_with(int pods, int up, const json& left, int more = 0) {
  return parse_up_reply({{"up", false},
                         {"settled", true},
                         {"pods", {{"total", pods}, {"up", up}}},
                         {"left", left},
                         {"more", more}});
}

TEST(UpMessage, TellsOfEachAndOfThoseThatAreAlike) {
  const json left = json::parse(R"([
    {"kind": "pod", "namespace": "default", "names": ["web-0"], "count": 1, "reasons": ["not ready", "503"]},
    {"kind": "pod", "namespace": "shop", "names": ["a", "b", "c"], "count": 40, "reasons": ["Unschedulable"]}])");
  const UpReply reply = reply_with(50, 9, left, 2);
  EXPECT_EQ(what_is_left(reply), "41 of 50 pods");
  EXPECT_THAT(lines_of(reply), ElementsAre("pod default/web-0: not ready; 503",
                                           "40 pods: shop/a, shop/b, shop/c, ...: Unschedulable",
                                           "and more, for 2 other reasons"));
  EXPECT_EQ(to_json(reply.left), left);
}

TEST(UpMessage, NamesWhatIsLeftWhenItIsNoPod) {
  const json left = json::parse(
      R"([{"kind": "job", "namespace": "default", "names": ["migrate"], "count": 1, "reasons": ["not complete"]}])");
  EXPECT_EQ(what_is_left(reply_with(1, 1, left)), "job default/migrate");
}

TEST(UpMessage, AsksForATimeWithinBounds) {
  EXPECT_EQ(parse_up_wait({{"timeout_ms", 5}}).count(), 5);
  EXPECT_THROW(parse_up_wait({{"timeout_ms", -1}}), Error);
  EXPECT_THROW(parse_up_wait({{"timeout", 1}}), Error);
}

}  // namespace
}  // namespace labctl::api
