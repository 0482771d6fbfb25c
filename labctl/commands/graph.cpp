#include "labctl/graph/graph.hpp"

#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct GraphOptions {
  std::string output = "mermaid";
};

int run_graph(const Session& session, const GraphOptions& options) {
  const auto drawing = graph::parse_graph_format(options.output);
  const auto data = report::parse_format(options.output);
  if (!drawing && !(data && report::is_structured(*data))) {
    throw Error(ErrorKind::InvalidInput, "-o " + options.output + ": no such format here",
                "one of mermaid, dot, svg, json, yaml");
  }
  api::Client client = session.client();
  const nlohmann::json graph = client.get("/lab/v1/graph").json();
  if (drawing) {
    graph::write_graph(session.out(), graph, client.lab(), *drawing);
  } else {
    report::print_value(session.out(), graph, *data);
  }
  return report::kPassed;
}

}  // namespace

void add_graph(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<GraphOptions>();
  CLI::App* verb = add_verb(app, globals,
                            {.name = "graph",
                             .group = "The network",
                             .summary = "Draw the lab",
                             .examples = "  labctl graph -o svg > lab.svg\n"
                                         "  labctl graph                        # Mermaid, for a README\n"
                                         "  labctl graph -o dot | dot -Tpdf > lab.pdf\n",
                             .about = {}},
                            [options](const Session& session) { return run_graph(session, *options); });
  add_output_flag(*verb, options->output, "mermaid, dot, svg, json or yaml");
}

}  // namespace labctl::commands
