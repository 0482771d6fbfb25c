#include "labctl/api/json_line.hpp"
#include "labctl/api/status_error.hpp"
#include "labctl/commands/boot_input.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/sources.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"

#include <nlohmann/json.hpp>

#include <memory>

namespace labctl::commands {
namespace {

struct ApplyOptions {
  Paths paths;
  std::string output = "table";
  std::string timeout = "60s";
  bool strict = false;
  bool dry_run = false;
};

// "deployment.apps/web configured"
void print_results(const Session& session, const nlohmann::json& results, bool name_only, bool dry_run) {
  for (const nlohmann::json& result : results) {
    const nlohmann::json object{{"apiVersion", report::text(result, "/apiVersion")},
                                {"kind", report::text(result, "/kind")},
                                {"metadata", {{"name", report::text(result, "/name")}}}};
    session.line(report::qualified_name(object) +
                 (name_only ? "" : " " + report::text(result, "/action") + (dry_run ? " (dry run)" : "")));
  }
}

int run_apply(const Session& session, const ApplyOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  const std::vector<std::string> paths = options.paths.all();
  if (paths.empty()) {
    throw Error(ErrorKind::InvalidInput, "no files named", "such as `labctl apply -f web.yaml`");
  }
  const nlohmann::json request{
      {"sources", read_sources_json(paths)}, {"strict", options.strict}, {"dryRun", options.dry_run}};
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
    print_results(session, results, format == Format::Name, options.dry_run);
  }
  return report::kPassed;
}

}  // namespace

void add_apply(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ApplyOptions>();
  CLI::App* verb = add_verb(app, globals,
                            {.name = "apply",
                             .group = "Objects in a lab",
                             .summary = "Create or change objects from files",
                             .examples = "  labctl apply -f web.yaml\n"
                                         "  labctl apply manifests/ --dry-run\n"
                                         "  helm template ./chart | labctl apply -f -\n",
                             .about = "All or nothing: when one object is refused, none is changed."},
                            [options](const Session& session) { return run_apply(session, *options); });
  add_path_flags(*verb, options->paths, "Files, folders or - for standard input");
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
  verb->add_option("--timeout", options->timeout, "How long to wait for the lab's answer")
      ->type_name("DURATION")
      ->capture_default_str();
  verb->add_flag("--strict", options->strict,
                 "Refuse files with kinds or fields that labctl does not act on");
  verb->add_flag("--dry-run", options->dry_run, "Say what would change, change nothing");
}

}  // namespace labctl::commands
