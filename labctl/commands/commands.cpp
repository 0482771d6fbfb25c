#include "labctl/commands/commands.hpp"

#include "labctl/commands/verb.hpp"

namespace labctl::commands {
namespace {

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("-n,--name", globals.lab, "The lab; by default the only one that is up")->type_name("LAB");
  app.add_option("--color", globals.color, "Colours: auto, always or never")
      ->type_name("WHEN")
      ->capture_default_str();
  app.add_option("--log-format", globals.log_format, "Messages on stderr: text or json")
      ->type_name("FORMAT")
      ->capture_default_str();
  app.add_flag("-q,--quiet", globals.quiet, "Only errors on stderr");
  app.add_flag("-v,--verbose", globals.verbose, "More on stderr");
}

}  // namespace

void add_commands(CLI::App& app, Globals& globals) {
  app.description(
      "labctl boots a multi-node, Kubernetes-shaped network on this host, without root, and probes it.");
  app.set_help_flag("-h,--help", "This text; after a command, its own");
  app.require_subcommand(0, 1);
  add_globals(app, globals);
  // In the order of `labctl --help`.
  add_up(app, globals);
  add_down(app, globals);
  add_ls(app, globals);
  add_status(app, globals);
  add_get(app, globals);
  add_describe(app, globals);
  add_apply(app, globals);
  add_delete(app, globals);
  add_events(app, globals);
  add_exec(app, globals);
  add_logs(app, globals);
  add_probe(app, globals);
  add_matrix(app, globals);
  add_graph(app, globals);
  add_test(app, globals);
  add_lint(app, globals);
  add_init(app, globals);
  add_schema(app, globals);
  add_doctor(app, globals);
  add_images(app, globals);
  add_gc(app, globals);
  add_version(app, globals);
  add_completion(app, globals);
  name_environment(app);
}

}  // namespace labctl::commands
