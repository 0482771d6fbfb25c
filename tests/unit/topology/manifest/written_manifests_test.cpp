// Over a thousand manifests as tools write them, half of them with a fault, judged by labctl and by a table of the API's
// rules that was written for this test alone.

#include "tests/unit/topology/manifest/written_manifests.hpp"
#include "tests/unit/topology/manifest/api_table.hpp"
#include "topology/manifest/loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace labctl::manifest {
namespace {

using nlohmann::json;

constexpr std::uint64_t kManifests = 1'200;

std::string listed(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    out += "    " + line + "\n";
  }
  return out;
}

bool tells_of(const Loaded& loaded, Topic topic) {
  return std::any_of(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                     [&](const Diagnostic& one) { return one.topic == topic; });
}

std::vector<std::string> texts_of(const Loaded& loaded) {
  std::vector<std::string> said;
  for (const Diagnostic& one : loaded.diagnostics) {
    said.push_back(to_string(one));
  }
  return said;
}

TEST(WrittenManifests, AreJudgedAsByTheTableOfTheApi) {
  LoadOptions part;
  part.is_whole = false;
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= kManifests; ++seed) {
    Dice dice(seed);
    json object = meant_object(dice);
    add_oddities(object, dice);
    const std::string fault = dice.one_in(2) ? add_fault(object, dice) : "none";
    const Judgement judged = judge(object);
    const std::string text = written({object}, dice);
    const Loaded loaded = load({{"f.yaml", text}}, part);
    const bool is_refused = has_errors(loaded.diagnostics);
    const std::string why = "seed " + std::to_string(seed) + ", fault " + fault + "\n  said:\n" +
                            listed(texts_of(loaded)) + "  table:\n" + listed(judged.refusals) + "  text:\n" +
                            text;
    EXPECT_EQ(is_refused, !judged.refusals.empty()) << why;
    if (!is_refused && judged.refusals.empty()) {
      EXPECT_EQ(tells_of(loaded, Topic::Unknown), !judged.unknown.empty()) << why;
      EXPECT_EQ(tells_of(loaded, Topic::Dropped), judged.has_status) << why;
      EXPECT_EQ(loaded.objects.size(), 1U) << why;
    }
    ++seen[is_refused ? "refused" : judged.unknown.empty() ? "taken" : "unknown"];
  }
  EXPECT_GT(seen["refused"], 300);
  EXPECT_GT(seen["taken"], 500);
  EXPECT_GT(seen["unknown"], 10);
}

// What stands in a text is what was meant: the fields that no default touches.
TEST(WrittenManifests, MeanWhatWasWritten) {
  LoadOptions part;
  part.is_whole = false;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Dice dice(seed + 50'000);
    std::vector<json> objects{meant_object(dice), meant_object(dice), meant_object(dice)};
    for (std::size_t i = 0; i < objects.size(); ++i) {
      objects[i]["metadata"]["name"] = "o" + std::to_string(i);
    }
    const std::string text = written(objects, dice);
    const Loaded loaded = load({{"f.yaml", text}}, part);
    ASSERT_EQ(loaded.objects.size(), 3U) << "seed " << seed << "\n" << listed(texts_of(loaded)) << text;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      const json& meant = objects[i];
      const json& read = loaded.objects[i].json;
      for (const char* place :
           {"/metadata/labels", "/metadata/annotations", "/data", "/stringData", "/spec/selector",
            "/spec/replicas", "/spec/template/spec/containers/0/args", "/spec/schedule"}) {
        const json::json_pointer at(place);
        if (meant.contains(at) && meant["kind"] != "Secret") {
          EXPECT_EQ(read.value(at, json()), meant[at]) << "seed " << seed << " " << place << "\n" << text;
        }
      }
    }
  }
}

}  // namespace
}  // namespace labctl::manifest
