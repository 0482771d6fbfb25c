#include "labctl/apiserver/pod_update_rules.hpp"

#include "labctl/apiserver/resource_rules.hpp"
#include "topology/base/error.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace labctl::apiserver {
namespace {

using nlohmann::json;

json pod_of_spec(const char* spec) {
  json pod{{"kind", "Pod"}, {"metadata", {{"name", "a"}}}, {"spec", json::parse(spec)}};
  pod["spec"]["containers"] = {{{"name", "c"}, {"image", "app:1"}}};
  return pod;
}

struct UpdateCase {
  const char* name;
  const char* before;
  const char* after;
  const char* refused;  // "": allowed
};

class PodUpdates : public testing::TestWithParam<UpdateCase> {};

TEST_P(PodUpdates, OfScheduling) {
  const json before = pod_of_spec(GetParam().before);
  const json after = pod_of_spec(GetParam().after);
  EXPECT_EQ(refused_scheduling_change(before, after), GetParam().refused);
  if (*GetParam().refused == 0) {
    EXPECT_NO_THROW(check_unchanged("pods", before, after));
  } else {
    EXPECT_THROW(check_unchanged("pods", before, after), Error);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PodUpdates,
    testing::Values(
        UpdateCase{"AGateGoes", R"({"schedulingGates": [{"name": "a"}, {"name": "b"}]})",
                   R"({"schedulingGates": [{"name": "b"}]})", ""},
        UpdateCase{"AllGatesGo", R"({"schedulingGates": [{"name": "a"}]})", R"({})", ""},
        UpdateCase{
            "AGateComes", R"({})", R"({"schedulingGates": [{"name": "a"}]})",
            "spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gate 'a'"},
        UpdateCase{"ATolerationComes", R"({"tolerations": [{"key": "a"}]})",
                   R"({"tolerations": [{"key": "b"}, {"key": "a"}]})", ""},
        UpdateCase{"ItsSecondsChange", R"({"tolerations": [{"key": "a", "tolerationSeconds": 5}]})",
                   R"({"tolerations": [{"key": "a", "tolerationSeconds": 6}]})", ""},
        UpdateCase{"ATolerationGoes", R"({"tolerations": [{"key": "a"}]})", R"({})",
                   "spec.tolerations: Forbidden: existing toleration can not be modified except its "
                   "tolerationSeconds"},
        UpdateCase{"AGatedPodAsksForMore",
                   R"({"schedulingGates": [{"name": "a"}], "nodeSelector": {"x": "1"}})",
                   R"({"schedulingGates": [{"name": "a"}], "nodeSelector": {"x": "1", "y": "2"}})", ""},
        UpdateCase{
            "AGatedPodAsksForLess", R"({"schedulingGates": [{"name": "a"}], "nodeSelector": {"x": "1"}})",
            R"({"schedulingGates": [{"name": "a"}]})",
            "spec.nodeSelector: Invalid value: only additions are allowed to spec.nodeSelector of a gated "
            "pod"}),
    [](const auto& one) { return one.param.name; });

TEST(PodUpdatesTest, WithoutGatesTheSelectorStays) {
  EXPECT_THROW(check_unchanged("pods", pod_of_spec("{}"), pod_of_spec(R"({"nodeSelector": {"x": "1"}})")),
               Error);
}

}  // namespace
}  // namespace labctl::apiserver
