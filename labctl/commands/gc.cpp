#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/text/format.hpp"
#include "labctl/supervisor/registry.hpp"

#include <nlohmann/json.hpp>

#include <memory>

namespace labctl::commands {
namespace {

struct GcOptions {
  std::string output = "table";
};

int run_gc(const Session& session, const GcOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  const std::vector<supervisor::LabEntry> removed = supervisor::sweep();
  if (report::is_structured(format)) {
    nlohmann::json names = nlohmann::json::array(), ends = nlohmann::json::array();
    for (const supervisor::LabEntry& lab : removed) {
      names.push_back(lab.name);
      ends.push_back({{"name", lab.name},
                      {"reason", lab.end.how.empty() ? "killed" : lab.end.how},
                      {"endedAt", lab.end.time},
                      {"lastWords", lab.end.words}});
    }
    report::print_value(session.out(), {{"removed", names}, {"labs", ends}}, format);
    return report::kPassed;
  }
  for (const supervisor::LabEntry& lab : removed) {
    if (format == Format::Name) {
      session.line(lab.name);
    } else {
      session.note(supervisor::story_of(lab.name, lab.end));
      session.line("removed the folder of lab " + lab.name);
    }
  }
  if (removed.empty()) {
    session.note("nothing to remove");
  }
  return report::kPassed;
}

}  // namespace

void add_gc(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<GcOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "gc",
       .group = "Tests and checks",
       .summary = "Remove the folders of labs that were killed or ended by themselves",
       .examples = "  labctl gc\n",
       .about =
           "A lab that is killed takes its processes, namespaces and rules with it; only its folder in the\n"
           "runtime directory stays, and tells why it ended. Labs that are up are not touched."},
      [options](const Session& session) { return run_gc(session, *options); });
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
}

}  // namespace labctl::commands
