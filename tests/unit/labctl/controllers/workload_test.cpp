#include "labctl/controllers/workloads/workload.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace labctl::controllers {
namespace {

using nlohmann::json;

TEST(ResolveShare, TakesNumbersAndPercents) {
  const json number = 3, percent = "25%", nonsense = "x";
  EXPECT_EQ(resolve_share(&number, 10, true, "25%"), 3);
  EXPECT_EQ(resolve_share(&percent, 10, true, "1"), 3);
  EXPECT_EQ(resolve_share(&percent, 10, false, "1"), 2);
  EXPECT_EQ(resolve_share(&percent, 0, true, "1"), 0);
  EXPECT_EQ(resolve_share(nullptr, 10, true, "25%"), 3);
  EXPECT_EQ(resolve_share(nullptr, 10, true, "1"), 1);
  EXPECT_EQ(resolve_share(&nonsense, 10, true, "1"), 0);
}

TEST(PodFromTemplate, IsOwnedAndPending) {
  const json owner = {{"apiVersion", "apps/v1"},
                      {"kind", "ReplicaSet"},
                      {"metadata", {{"name", "web"}, {"namespace", "default"}, {"uid", "u"}}}};
  const json pod = pod_from_template(
      owner,
      {{"metadata", {{"name", "ignored"}, {"labels", {{"app", "web"}}}, {"annotations", {{"a", "b"}}}}},
       {"spec", {{"hostname", "h"}}}});
  EXPECT_EQ(pod["kind"], "Pod");
  EXPECT_FALSE(pod["metadata"].contains("name"));
  EXPECT_EQ(pod["metadata"]["labels"]["app"], "web");
  EXPECT_EQ(pod["metadata"]["annotations"]["a"], "b");
  EXPECT_EQ(pod["metadata"]["ownerReferences"][0]["uid"], "u");
  EXPECT_EQ(pod["metadata"]["ownerReferences"][0]["controller"], true);
  EXPECT_EQ(pod["spec"]["hostname"], "h");
  EXPECT_EQ(pod["status"]["phase"], "Pending");
}

}  // namespace
}  // namespace labctl::controllers
