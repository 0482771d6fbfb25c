#include "labctl/api/json_line.hpp"
#include "labctl/api/status_error.hpp"
#include "labctl/commands/boot_input.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/object_diff.hpp"
#include "labctl/commands/sources.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace labctl::commands {
namespace {

struct ApplyOptions {
  Paths paths;
  std::string output = "table";
  std::string timeout = "60s";
  std::string ns;
  std::string label_selector;
  std::vector<std::string> allowlist;
  std::string dry_run = "none";
  bool strict = false;
  bool exit_code = false;
  bool prune = false;
  bool all = false;
};

// --dry-run alone, and kubectl's --dry-run=server, client or none: a lab has one way.
bool is_dry_run(const ApplyOptions& options) {
  for (const char* word : {"server", "client", "true", "1"}) {
    if (options.dry_run == word) {
      return true;
    }
  }
  for (const char* word : {"none", "false", "0"}) {
    if (options.dry_run == word) {
      return false;
    }
  }
  throw Error(ErrorKind::InvalidInput, "--dry-run=" + options.dry_run + ": not server, client or none");
}

nlohmann::json request_of(const ApplyOptions& options, const std::vector<std::string>& paths) {
  nlohmann::json request{{"sources", read_sources_json(paths)},
                         {"strict", options.strict},
                         {"dryRun", is_dry_run(options)},
                         {"namespace", options.ns},
                         {"selector", options.label_selector}};
  if (options.prune) {
    request["prune"] = {{"all", options.all}, {"allowlist", options.allowlist}};
  }
  return request;
}

// "deployment.apps/web configured", and of a dry run what that would be, field by field.
void print_results(const Session& session, const nlohmann::json& results, bool name_only, bool dry_run) {
  for (const nlohmann::json& result : results) {
    const nlohmann::json object{{"apiVersion", report::text(result, "/apiVersion")},
                                {"kind", report::text(result, "/kind")},
                                {"metadata", {{"name", report::text(result, "/name")}}}};
    session.line(report::qualified_name(object) +
                 (name_only ? "" : " " + report::text(result, "/action") + (dry_run ? " (dry run)" : "")));
    if (dry_run && !name_only) {
      session.lines(object_diff(result));
    }
  }
}

bool are_alike(const nlohmann::json& results) {
  return std::all_of(results.begin(), results.end(),
                     [](const nlohmann::json& result) { return object_diff(result).empty(); });
}

int run_apply(const Session& session, const ApplyOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  const std::vector<std::string> paths = options.paths.all();
  if (paths.empty()) {
    throw Error(ErrorKind::InvalidInput, "no files named", "such as `labctl apply -f web.yaml`");
  }
  if (options.exit_code && !is_dry_run(options)) {
    throw Error(ErrorKind::InvalidInput, "--exit-code: says what a --dry-run found", "add --dry-run");
  }
  if (!options.prune && (options.all || !options.allowlist.empty())) {
    throw Error(ErrorKind::InvalidInput, "--all and --prune-allowlist: say what to --prune", "add --prune");
  }
  const nlohmann::json request = request_of(options, paths);
  api::Client client = session.client(parse_flag_duration("--timeout", options.timeout));
  // Sources are bytes of a file: what is no UTF-8 in them is for the lab to refuse, with its place.
  const std::string body = api::json_line(request);
  const api::Reply reply = client.send("POST", "/lab/v1/apply", body);
  const nlohmann::json answer = nlohmann::json::parse(reply.body, nullptr, false);
  const bool refused_files = reply.status == 422 && answer.is_object() && answer.contains("diagnostics");
  if (reply.is_error() && !refused_files) {
    throw api::to_error(reply.status, reply.body);
  }
  refuse_errors(session, diagnostics_of(answer));
  if (refused_files) {
    throw Error(ErrorKind::InvalidInput, "the lab refused the files: nothing was changed");
  }
  const nlohmann::json& results = report::at(answer, "/results");
  if (report::is_structured(format)) {
    report::print_value(session.out(), format == Format::JsonLines ? results : answer, format);
  } else {
    print_results(session, results, format == Format::Name, is_dry_run(options));
  }
  return options.exit_code && !are_alike(results) ? report::kAssertionFailed : report::kPassed;
}

}  // namespace

void add_apply(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ApplyOptions>();
  CLI::App* verb =
      add_verb(app, globals,
               {.name = "apply",
                .group = "Objects in a lab",
                .summary = "Create or change objects from files",
                .examples = "  labctl apply -f web.yaml\n"
                            "  labctl apply manifests/ --dry-run --exit-code\n"
                            "  labctl apply manifests/ --prune -l app=shop\n"
                            "  helm template ./chart -n shop | labctl apply -N shop -f -\n",
                .about = "As kubectl's three-way merge: what the files never said stays, what they "
                         "no longer say goes.\n"
                         "All or nothing: when one object is refused, none is changed."},
               [options](const Session& session) { return run_apply(session, *options); });
  add_path_flags(*verb, options->paths, "Files, folders or - for standard input");
  add_file_namespace_flag(*verb, options->ns);
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
  verb->add_option("-l,--selector", options->label_selector, "Only the objects with these labels")
      ->type_name("SELECTOR");
  verb->add_option("--timeout", options->timeout, "How long to wait for the lab's answer")
      ->type_name("DURATION")
      ->capture_default_str();
  verb->add_flag("--strict", options->strict,
                 "Refuse files with kinds or fields that labctl does not act on");
  verb->add_flag("--dry-run{server}", options->dry_run,
                 "Show what would change, as a diff, and change nothing");
  verb->add_flag("--exit-code", options->exit_code, "With --dry-run: end with 1 when something would change");
  verb->add_flag("--prune", options->prune,
                 "Delete what was applied once and the files no longer have; with -l or --all");
  verb->add_flag("--all", options->all, "Prune whatever its labels are");
  verb->add_option("--prune-allowlist", options->allowlist,
                   "Prune these kinds instead of kubectl's list; may be repeated")
      ->type_name("GROUP/VERSION/KIND")
      ->allow_extra_args(false);
}

}  // namespace labctl::commands
