#pragma once

// A lab as a drawing: outside hosts, router, underlay, nodes with their pods, with
// addresses. Reads the reply of GET /lab/v1/graph.

#include <nlohmann/json_fwd.hpp>

#include <iosfwd>
#include <optional>
#include <string_view>

namespace labctl::graph {

enum class GraphFormat { Mermaid, Dot, Svg };
// "mermaid", "dot", "svg".
std::optional<GraphFormat> parse_graph_format(std::string_view word);

void write_mermaid(std::ostream& out, const nlohmann::json& graph, std::string_view lab);
void write_dot(std::ostream& out, const nlohmann::json& graph, std::string_view lab);
// A picture that stands alone: no fonts, scripts or links from elsewhere; light and dark by
// the viewer's theme. Nodes with more than a handful of pods draw pods as small tiles,
// those with more than a few dozen as a count.
void write_svg(std::ostream& out, const nlohmann::json& graph, std::string_view lab);

void write_graph(std::ostream& out, const nlohmann::json& graph, std::string_view lab, GraphFormat format);

}  // namespace labctl::graph
