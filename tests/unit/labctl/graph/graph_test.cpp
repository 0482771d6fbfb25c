#include "labctl/graph/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <regex>
#include <sstream>

namespace labctl::graph {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Json graph(int nodes, int pods, const std::string& pod_name = "web") {
  Json out{{"mode", "routed"},
           {"underlay", {"192.168.50.0/24"}},
           {"router", {{"name", "router"}, {"addresses", {"198.51.100.1"}}}},
           {"outside", {{{"name", "client"}, {"addresses", {"198.51.100.10"}}}}},
           {"nodes", Json::array()}};
  for (int n = 1; n <= nodes; ++n) {
    Json node{{"name", "node-" + std::to_string(n)},
              {"addresses", {"192.168.50.1"}},
              {"podCIDRs", {"10.244.1.0/24"}},
              {"pods", Json::array()}};
    for (int p = 0; p < pods; ++p) {
      node["pods"].push_back({{"namespace", "default"},
                              {"name", pod_name + std::to_string(p)},
                              {"ip", "10.244.1.2"},
                              {"link", "l"}});
    }
    out["nodes"].push_back(node);
  }
  return out;
}

std::string drawn(const Json& value, GraphFormat format) {
  std::ostringstream out;
  write_graph(out, value, "shop", format);
  return out.str();
}

TEST(Graph, MermaidHasANodeForEachPlaceAndALineForEachLink) {
  const std::string text = drawn(graph(2, 1), GraphFormat::Mermaid);
  EXPECT_THAT(text, HasSubstr("flowchart TB\n"));
  EXPECT_THAT(text, HasSubstr("  outside0 --- router\n  router --- underlay\n"));
  EXPECT_THAT(text, HasSubstr("    pod1_0(\"web0<br/>10.244.1.2\")\n"));
  EXPECT_THAT(text, HasSubstr("  bridge1 --- pod1_0\n"));
}

TEST(Graph, NamesCannotBreakOutOfTheirQuotes) {
  const Json hostile = graph(1, 1, "\"];evil<script>\n");
  EXPECT_THAT(drawn(hostile, GraphFormat::Mermaid), HasSubstr("#quot;];evil#lt;script#gt; 0"));
  EXPECT_THAT(drawn(hostile, GraphFormat::Dot), HasSubstr("label=\"\\\"];evil<script> 0\\n"));
  EXPECT_THAT(drawn(hostile, GraphFormat::Svg), Not(HasSubstr("<script")));
}

TEST(Graph, SvgDrawsFewPodsWithNamesManyAsTilesAndVeryManyAsANumber) {
  EXPECT_THAT(drawn(graph(1, 3), GraphFormat::Svg), HasSubstr(">web2</text>"));
  const std::string tiles = drawn(graph(1, 50), GraphFormat::Svg);
  EXPECT_THAT(tiles, Not(HasSubstr(">web2</text>")));
  EXPECT_THAT(tiles, HasSubstr("<title>pod/default/web2 10.244.1.2, link l</title>"));
  EXPECT_THAT(drawn(graph(1, 500), GraphFormat::Svg), HasSubstr(">500 pods</text>"));
}

TEST(Graph, SvgElementsAreAllClosed) {
  for (const auto& [nodes, pods] : {std::pair{0, 0}, std::pair{1, 0}, std::pair{3, 4}, std::pair{9, 200}}) {
    const std::string text = drawn(graph(nodes, pods), GraphFormat::Svg);
    const auto count = [&](const char* what) {
      size_t n = 0;
      for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++n;
      }
      return n;
    };
    EXPECT_EQ(count("<g>"), count("</g>"));
    EXPECT_EQ(count("<text "), count("</text>"));
    EXPECT_EQ(count("<svg "), count("</svg>"));
  }
}

TEST(Graph, SurvivesAnswersOfAnyShape) {
  for (const char* text : {"{}", "[]", "null", R"({"nodes":[1,{"pods":[2]}],"outside":{},"router":7})"}) {
    for (const GraphFormat format : {GraphFormat::Mermaid, GraphFormat::Dot, GraphFormat::Svg}) {
      EXPECT_NO_THROW(drawn(Json::parse(text), format)) << text;
    }
  }
}

}  // namespace
}  // namespace labctl::graph
