#include "labctl/commands/commands.hpp"
#include "labctl/commands/exit_code.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/format.hpp"
#include "labctl/report/resources.hpp"
#include "labctl/supervisor/registry.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct GcOptions {
  std::string output = "table";
};

int run_gc(const Session& session, const GcOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  const std::vector<std::string> removed = supervisor::sweep();
  if (report::is_structured(format)) {
    report::print_value(session.out(), {{"removed", removed}}, format);
    return kPassed;
  }
  for (const std::string& name : removed) {
    session.out() << (format == Format::Name ? name : "removed the folder of lab " + name) << '\n';
  }
  if (removed.empty()) {
    session.note("nothing to remove");
  }
  return kPassed;
}

}  // namespace

void add_gc(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<GcOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "gc",
       .group = "Tests and checks",
       .summary = "Remove the folders of labs that were killed",
       .examples = "  labctl gc\n",
       .about =
           "A lab that is killed takes its processes, namespaces and rules with it; only its folder in the\n"
           "runtime directory stays. Labs that are up are not touched."},
      [options](const Session& session) { return run_gc(session, *options); });
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
}

}  // namespace labctl::commands
