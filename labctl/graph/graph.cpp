#include "labctl/graph/graph.hpp"

#include "labctl/graph/graph_model.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/text/table.hpp"
#include "topology/base/printable.hpp"

#include <ostream>
#include <string>

namespace labctl::graph {
namespace {

using report::at;
using report::text;
using report::text_or;

// Mermaid takes labels in quotes, with HTML entities for what would end them.
std::string mermaid_text(const std::string& value) {
  std::string out;
  for (const char c : printable_line(value)) {
    switch (c) {
      case '"':
        out += "#quot;";
        break;
      case '<':
        out += "#lt;";
        break;
      case '>':
        out += "#gt;";
        break;
      case '#':
        out += "#35;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string dot_text(const std::string& value) {
  std::string out;
  for (const char c : printable_line(value)) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

// "first\nsecond" with the line break of the format; an empty second line is left out.
std::string two_lines(const std::string& first, const std::string& line_break, const std::string& second) {
  return second.empty() ? first : first + line_break + second;
}

// "a, b": in a drawing the eye needs the space.
std::string spaced(const nlohmann::json& texts) {
  std::string out = report::join_texts(texts, "");
  for (size_t at = out.find(','); at != std::string::npos; at = out.find(',', at + 1)) {
    out.insert(at + 1, " ");
  }
  return out;
}

}  // namespace

std::optional<GraphFormat> parse_graph_format(std::string_view word) {
  if (word == "mermaid") {
    return GraphFormat::Mermaid;
  }
  if (word == "dot") {
    return GraphFormat::Dot;
  }
  return word == "svg" ? std::optional(GraphFormat::Svg) : std::nullopt;
}

GraphModel read_graph(const nlohmann::json& graph) {
  GraphModel model;
  model.mode = text(graph, "/mode");
  model.underlay = spaced(at(graph, "/underlay"));
  for (const auto& host : at(graph, "/outside")) {
    model.outside.push_back({text(host, "/name"), spaced(at(host, "/addresses"))});
  }
  const auto& router = at(graph, "/router");
  model.router.name = text_or(router, "/name", "router");
  model.router.addresses = spaced(at(router, "/addresses"));
  for (const auto& node : at(graph, "/nodes")) {
    GraphModel::Node entry{
        text(node, "/name"), spaced(at(node, "/addresses")), spaced(at(node, "/podCIDRs")), {}};
    for (const auto& pod : at(node, "/pods")) {
      const std::string ns = text_or(pod, "/namespace", "default");
      const std::string name = text(pod, "/name");
      entry.pods.push_back(
          {ns, name, ns == "default" ? name : ns + "/" + name, text(pod, "/ip"), text(pod, "/link")});
    }
    model.nodes.push_back(std::move(entry));
  }
  return model;
}

void write_mermaid(std::ostream& out, const nlohmann::json& graph, std::string_view lab) {
  const GraphModel model = read_graph(graph);
  out << "---\ntitle: " << mermaid_text(std::string(lab)) << "\n---\nflowchart TB\n";
  const auto label = [](const std::string& name, const std::string& more) {
    return "\"" + two_lines(mermaid_text(name), "<br/>", mermaid_text(more)) + "\"";
  };
  for (size_t i = 0; i < model.outside.size(); ++i) {
    out << "  outside" << i << "([" << label(model.outside[i].name, model.outside[i].addresses) << "])\n";
  }
  out << "  router{{" << label(model.router.name, model.router.addresses) << "}}\n";
  out << "  underlay[/" << label("underlay", model.underlay) << "/]\n";
  for (size_t i = 0; i < model.outside.size(); ++i) {
    out << "  outside" << i << " --- router\n";
  }
  out << "  router --- underlay\n";
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const GraphModel::Node& node = model.nodes[n];
    out << "  subgraph node" << n << " [" << label(node.name, node.addresses) << "]\n";
    out << "    bridge" << n << "[" << label("cbr0", node.pod_cidrs) << "]\n";
    for (size_t p = 0; p < node.pods.size(); ++p) {
      out << "    pod" << n << "_" << p << "(" << label(node.pods[p].label, node.pods[p].ip) << ")\n";
    }
    out << "  end\n  underlay --- bridge" << n << '\n';
    for (size_t p = 0; p < node.pods.size(); ++p) {
      out << "  bridge" << n << " --- pod" << n << "_" << p << '\n';
    }
  }
}

void write_dot(std::ostream& out, const nlohmann::json& graph, std::string_view lab) {
  const GraphModel model = read_graph(graph);
  const auto label = [](const std::string& name, const std::string& more) {
    return "label=\"" + two_lines(dot_text(name), "\\n", dot_text(more)) + "\"";
  };
  out << "graph \"" << dot_text(std::string(lab)) << "\" {\n"
      << "  graph [rankdir=TB, fontname=\"sans-serif\", nodesep=0.25, ranksep=0.5];\n"
      << "  node [shape=box, style=\"rounded\", fontname=\"sans-serif\", fontsize=11];\n";
  for (size_t i = 0; i < model.outside.size(); ++i) {
    out << "  outside" << i << " [" << label(model.outside[i].name, model.outside[i].addresses) << "];\n";
  }
  out << "  router [shape=hexagon, style=\"\", " << label(model.router.name, model.router.addresses) << "];\n"
      << "  underlay [shape=box, style=\"filled\", fillcolor=\"#dbe4f0\", "
      << label("underlay", model.underlay) << "];\n";
  for (size_t i = 0; i < model.outside.size(); ++i) {
    out << "  outside" << i << " -- router;\n";
  }
  out << "  router -- underlay;\n";
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const GraphModel::Node& node = model.nodes[n];
    out << "  subgraph cluster_node" << n << " {\n    " << label(node.name, node.addresses) << ";\n"
        << "    bridge" << n << " [style=\"filled\", fillcolor=\"#eef1f5\", " << label("cbr0", node.pod_cidrs)
        << "];\n";
    for (size_t p = 0; p < node.pods.size(); ++p) {
      out << "    pod" << n << "_" << p << " [" << label(node.pods[p].label, node.pods[p].ip) << "];\n"
          << "    bridge" << n << " -- pod" << n << "_" << p << ";\n";
    }
    out << "  }\n  underlay -- bridge" << n << ";\n";
  }
  out << "}\n";
}

void write_graph(std::ostream& out, const nlohmann::json& graph, std::string_view lab, GraphFormat format) {
  switch (format) {
    case GraphFormat::Mermaid:
      write_mermaid(out, graph, lab);
      return;
    case GraphFormat::Dot:
      write_dot(out, graph, lab);
      return;
    case GraphFormat::Svg:
      write_svg(out, graph, lab);
      return;
  }
}

}  // namespace labctl::graph
