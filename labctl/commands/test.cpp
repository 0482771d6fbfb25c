#include "labctl/commands/commands.hpp"
#include "labctl/commands/exit_code.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/scenario/runner.hpp"

#include <iostream>
#include <memory>

namespace labctl::commands {
namespace {

struct TestOptions {
  Paths paths;
  scenario::TestOptions test;
  std::vector<std::string> set;
  std::string output = "table";
};

int run_test(const Session& session, const TestOptions& options) {
  using report::Format;
  parse_output(options.output, {Format::Table, Format::Json});
  scenario::TestOptions test = options.test;
  test.paths = options.paths.all();
  test.output = options.output;
  test.verbose = session.verbosity() > 0;
  test.color = session.palette().enabled();
  if (test.paths.empty()) {
    throw Error(ErrorKind::InvalidInput, "no scenarios named", "such as `labctl test scenarios/`");
  }
  for (const std::string& entry : options.set) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw Error(ErrorKind::InvalidInput, "--set " + entry + ": not of the form NAME=VALUE");
    }
    test.set[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return scenario::run_tests(test, std::cout, std::cerr);
}

}  // namespace

void add_test(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "test",
       .group = "Tests and checks",
       .summary = "Run scenarios, each in a lab of its own",
       .examples = "  labctl test scenarios/endpoints-move\n"
                   "  labctl test scenarios/ --junit results.xml\n"
                   "  labctl test scenarios/ --run 'dns|ingress' --fail-fast\n"
                   "  labctl test scenarios/ --list\n",
       .about =
           "Boots the lab of each scenario, takes its steps, checks what they expect and takes the lab "
           "down.\n"
           "Ends with 0 when all passed, 1 when an assertion failed, 4 when no scenario matched, 5 when a\n"
           "lab could not be built, 6 when something was left behind."},
      [options](const Session& session) { return run_test(session, *options); });
  add_path_flags(*verb, options->paths, "Scenario files, or folders with such");
  add_output_flag(*verb, options->output, "table or json");
  verb->add_option("--run", options->test.run, "Only scenarios whose name matches")->type_name("REGEX");
  verb->add_option("--skip", options->test.skip, "Not those whose name matches")->type_name("REGEX");
  verb->add_option("--set", options->set, "Give a value that scenarios may use; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--junit", options->test.junit, "Write JUnit XML here")->type_name("FILE");
  verb->add_option("--tap", options->test.tap, "Write TAP 13 here")->type_name("FILE");
  verb->add_flag("--list", options->test.list, "Only list the scenarios that would run");
  verb->add_flag("--fail-fast", options->test.fail_fast, "Stop at the first scenario that fails");
  verb->add_flag("--keep-on-fail", options->test.keep_on_fail,
                 "Leave the lab of a failed scenario up, to look into it");
}

}  // namespace labctl::commands
