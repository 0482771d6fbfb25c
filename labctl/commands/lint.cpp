#include "labctl/commands/boot_input.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/exit_code.hpp"
#include "labctl/commands/sources.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/error_text.hpp"
#include "labctl/report/resources.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct LintOptions {
  Paths paths;
  std::string output = "table";
  bool strict = false;
};

std::string counted(long n, const char* noun) { return std::to_string(n) + " " + noun + (n == 1 ? "" : "s"); }

int run_lint(const Session& session, const LintOptions& options) {
  using report::Format;
  const Format format =
      parse_output(options.output, {Format::Table, Format::Json, Format::Yaml, Format::JsonLines});
  const std::vector<std::string> paths = options.paths.all();
  if (paths.empty()) {
    throw Error(ErrorKind::InvalidInput, "no files named", "such as `labctl lint lab.yaml`");
  }
  manifest::LoadOptions load;
  load.strict = options.strict;
  load.default_name = name_from_path(paths.front());
  const std::vector<manifest::Source> sources = manifest::read_sources(paths);
  const manifest::Loaded loaded = manifest::load(sources, load);
  const long errors = std::count_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                                    [](const Diagnostic& d) { return d.severity == Severity::Error; });
  const long warnings = static_cast<long>(loaded.diagnostics.size()) - errors;
  if (format == Format::JsonLines) {
    report::print_value(session.out(), to_json(loaded.diagnostics), format);
  } else if (report::is_structured(format)) {
    report::print_value(session.out(),
                        {{"diagnostics", to_json(loaded.diagnostics)},
                         {"errors", errors},
                         {"warnings", warnings},
                         {"objects", loaded.objects.size()},
                         {"scenarios", loaded.scenarios.size()}},
                        format);
  } else {
    report::print_diagnostics(session.out(), loaded.diagnostics, session.palette());
    session.note(counted(static_cast<long>(sources.size()), "file") + ", " +
                 counted(static_cast<long>(loaded.objects.size()), "object") + ", " +
                 counted(static_cast<long>(loaded.scenarios.size()), "scenario") + ": " +
                 counted(errors, "error") + ", " + counted(warnings, "warning"));
  }
  return errors > 0 ? kUsage : kPassed;
}

}  // namespace

void add_lint(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<LintOptions>();
  CLI::App* verb = add_verb(app, globals,
                            {.name = "lint",
                             .group = "Tests and checks",
                             .summary = "Check files without booting anything",
                             .examples = "  labctl lint lab.yaml manifests/\n"
                                         "  labctl lint scenarios/ --strict\n"
                                         "  labctl lint lab.yaml -o json | jq '.diagnostics[].message'\n",
                             .about = "Reports everything that is wrong, with file, line and column. Ends "
                                      "with 2 when there are errors."},
                            [options](const Session& session) { return run_lint(session, *options); });
  add_path_flags(*verb, options->paths, "Files, folders or - for standard input");
  add_output_flag(*verb, options->output, "table, json, yaml or jsonl");
  verb->add_flag("--strict", options->strict, "What labctl does not act on is an error, not a warning");
}

}  // namespace labctl::commands
