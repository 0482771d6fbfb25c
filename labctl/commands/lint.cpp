#include "labctl/api/diagnostic_json.hpp"
#include "labctl/commands/boot_input.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/sources.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/images/image_rules.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/text/error_text.hpp"
#include "labctl/scenario/discovery.hpp"
#include "topology/manifest/default_namespace.hpp"
#include "topology/manifest/yaml/source.hpp"
#include "topology/model/host_programs.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <ostream>
#include <set>

namespace labctl::commands {
namespace {

namespace fs = std::filesystem;

struct LintOptions {
  Paths paths;
  std::vector<std::string> set;
  std::string output = "table";
  std::string ns;
  std::string host_programs;
  bool remote_store = false;
  bool strict = false;
};

// What lint has read and found.
struct LintResult {
  std::vector<Diagnostic> diagnostics;
  size_t files = 0;
  size_t objects = 0;
  size_t scenarios = 0;
};

std::string counted(long n, const char* noun) { return std::to_string(n) + " " + noun + (n == 1 ? "" : "s"); }

bool is_below(const fs::path& file, const std::vector<fs::path>& folders) {
  const fs::path place = scenario::place_of(file);
  return std::any_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), place.begin(), place.end()).first == folder.end();
  });
}

// A scenario is checked as `test` does, with the files it names; each file is then read once, and what else
// lies in its folder is its own affair. All other files together are checked as `up` does.
LintResult lint(const std::vector<std::string>& paths, const LintOptions& options) {
  std::vector<manifest::Source> sources = manifest::read_sources(paths);
  std::vector<std::string> scenarios;
  std::vector<fs::path> scenario_folders;
  const std::set<std::string> named(paths.begin(), paths.end());
  for (const manifest::Source& source : sources) {
    // A pipe can be read once: what it holds is checked by itself.
    std::error_code ignored;
    if (!fs::is_regular_file(source.name, ignored)) {
      continue;
    }
    const bool is_named = named.contains(source.name);
    if ((is_named || scenario::is_scenario_file(source.name)) && scenario::holds_scenario(source)) {
      scenarios.push_back(source.name);
      if (!is_named) {
        scenario_folders.push_back(scenario::place_of(fs::path(source.name).parent_path()));
      }
    }
  }
  scenario::DiscoverOptions discovery;
  discovery.strict = options.strict;
  discovery.host_programs = model::host_programs_named(options.host_programs);
  discovery.tells_host_programs = true;
  discovery.allows_remote_store = options.remote_store;
  for (const auto& [name, value] : settings_of(options.set)) {
    discovery.variables.insert(name);
  }
  scenario::Discovered found = scenario::discover(scenarios, discovery);
  std::set<fs::path> seen;
  for (const std::string& file : found.files) {
    seen.insert(scenario::place_of(file));
  }
  std::erase_if(sources, [&](const manifest::Source& source) {
    return source.name != "<stdin>" &&
           (seen.contains(scenario::place_of(source.name)) || is_below(source.name, scenario_folders));
  });
  manifest::LoadOptions load;
  load.strict = options.strict;
  load.host_programs = discovery.host_programs;
  load.tells_host_programs = true;
  load.allows_remote_store = options.remote_store;
  load.known_variables = discovery.variables;
  load.default_name = name_from_path(paths.front());
  manifest::ask_for_namespace(load, options.ns);
  manifest::Loaded loaded = manifest::load(sources, load);
  if (loaded.cluster) {
    images::append_mistakes(*loaded.cluster, loaded.diagnostics);
  }
  LintResult result{std::move(found.diagnostics), seen.size() + sources.size(),
                    found.objects + loaded.objects.size(), found.scenarios.size() + loaded.scenarios.size()};
  std::move(loaded.diagnostics.begin(), loaded.diagnostics.end(), std::back_inserter(result.diagnostics));
  return result;
}

int run_lint(const Session& session, const LintOptions& options) {
  using report::Format;
  const Format format =
      parse_output(options.output, {Format::Table, Format::Json, Format::Yaml, Format::JsonLines});
  const std::vector<std::string> paths = options.paths.all();
  if (paths.empty()) {
    throw Error(ErrorKind::InvalidInput, "no files named", "such as `labctl lint lab.yaml`");
  }
  const LintResult loaded = lint(paths, options);
  const long errors = std::count_if(loaded.diagnostics.begin(), loaded.diagnostics.end(),
                                    [](const Diagnostic& d) { return d.severity == Severity::Error; });
  const long warnings = static_cast<long>(loaded.diagnostics.size()) - errors;
  if (format == Format::JsonLines) {
    report::print_value(session.out(), api::to_json(loaded.diagnostics), format);
  } else if (report::is_structured(format)) {
    report::print_value(session.out(),
                        {{"diagnostics", api::to_json(loaded.diagnostics)},
                         {"errors", errors},
                         {"warnings", warnings},
                         {"objects", loaded.objects},
                         {"scenarios", loaded.scenarios}},
                        format);
  } else {
    report::print_findings(session.out(), loaded.diagnostics, session.verbosity() > 0, session.palette());
    session.note(counted(static_cast<long>(loaded.files), "file") + ", " +
                 counted(static_cast<long>(loaded.objects), "object") + ", " +
                 counted(static_cast<long>(loaded.scenarios), "scenario") + ": " + counted(errors, "error") +
                 ", " + counted(warnings, "warning"));
  }
  return errors > 0 ? report::kUsage : report::kPassed;
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
                                      "with 2 when there are errors.\nA scenario is checked together with "
                                      "the files it names."},
                            [options](const Session& session) { return run_lint(session, *options); });
  add_path_flags(*verb, options->paths, "Files, folders or - for standard input");
  add_file_namespace_flag(*verb, options->ns);
  add_output_flag(*verb, options->output, "table, json, yaml or jsonl");
  add_set_flag(*verb, options->set);
  add_host_programs_flag(*verb, options->host_programs);
  add_remote_store_flag(*verb, options->remote_store);
  verb->add_flag("--strict", options->strict, "What labctl does not act on is an error, not a warning");
}

}  // namespace labctl::commands
