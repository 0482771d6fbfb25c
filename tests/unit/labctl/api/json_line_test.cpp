#include "labctl/api/json_line.hpp"

#include "labctl/api/diagnostic_json.hpp"
#include "labctl/api/lab_requests.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace labctl::api {
namespace {

using nlohmann::json;

TEST(JsonLine, IsOneLineWhateverTheTextHolds) {
  EXPECT_EQ(json_line({{"a", "x\ny"}, {"b", {1, 2}}}), R"({"a":"x\ny","b":[1,2]})");
}

TEST(JsonLine, ReplacesWhatIsNoUtf8) {
  const std::string line = json_line(json("caf\xe9"));
  EXPECT_EQ(line, "\"caf\uFFFD\"");
  EXPECT_EQ(json::parse(line), json("caf\uFFFD"));
}

TEST(DiagnosticJson, HasEveryPartUnderItsName) {
  Diagnostic diagnostic;
  diagnostic.severity = Severity::Warning;
  diagnostic.where = {"web.yaml", 7, 3};
  diagnostic.path = "spec.ports";
  diagnostic.message = "is empty";
  diagnostic.hint = "name a port";
  EXPECT_EQ(to_json(std::vector<Diagnostic>{diagnostic}), json::array({{{"severity", "warning"},
                                                                        {"file", "web.yaml"},
                                                                        {"line", 7},
                                                                        {"column", 3},
                                                                        {"path", "spec.ports"},
                                                                        {"message", "is empty"},
                                                                        {"hint", "name a port"},
                                                                        {"times", 1}}}));
}

TEST(Sources, AreReadAsTheyWereWritten) {
  const std::vector<manifest::Source> written{{"web.yaml", "kind: Pod\n", ""},
                                              {"pipe.yaml", "", "a named pipe"}};
  const ApplyRequest read = parse_apply({{"sources", to_json(written)}});
  ASSERT_EQ(read.sources.size(), written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(read.sources[i].name, written[i].name);
    EXPECT_EQ(read.sources[i].text, written[i].text);
    EXPECT_EQ(read.sources[i].skipped, written[i].skipped);
  }
}

}  // namespace
}  // namespace labctl::api
