#include "labctl/api/json_line.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/objects.hpp"
#include "labctl/commands/sources.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/commands/watch.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct DeleteOptions {
  std::vector<std::string> arguments;
  std::vector<std::string> files;
  std::string ns;  // empty: none was named
  std::string output = "table";
  std::string label_selector;
  std::string timeout = "60s";
  int grace_seconds = -1;
  bool all = false;
  bool ignore_not_found = false;
  bool wait = true;
};

// Arguments are files when they look like paths: as in `labctl delete
// manifests/` and `labctl delete web.yaml`.
bool is_path(const std::string& argument) {
  return argument == "-" || argument.ends_with(".yaml") || argument.ends_with(".yml") ||
         argument.ends_with(".json") || argument.ends_with("/") || argument.starts_with("./") ||
         argument.starts_with("../") || argument.starts_with("/");
}

nlohmann::json refs_of(api::Client& client, const DeleteOptions& options,
                       const std::vector<std::string>& arguments) {
  nlohmann::json refs = nlohmann::json::array();
  const std::string ns = options.ns.empty() ? "default" : options.ns;
  for (const Selection& selection : parse_selections(arguments, ns, false)) {
    std::vector<std::string> names = selection.names;
    if (names.empty()) {
      if (options.label_selector.empty() && !options.all) {
        throw Error(ErrorKind::InvalidInput, "which " + std::string(selection.kind->plural) + " to delete?",
                    "name them, select them with -l, or say --all");
      }
      for (const nlohmann::json& object :
           list_objects(client, *selection.kind, selection.ns, {options.label_selector, {}}).items) {
        names.push_back(report::text(object, "/metadata/name"));
      }
    }
    for (const std::string& name : names) {
      refs.push_back({{"resource", selection.kind->plural}, {"namespace", selection.ns}, {"name", name}});
    }
  }
  return refs;
}

// Until the object that was there is gone. Throws Error Timeout.
void wait_until_gone(api::Client& client, const api::ResourceKind& kind, const std::string& ns,
                     const std::string& name, std::chrono::milliseconds timeout) {
  std::string uid;  // of the object that is going; its controller may make another one of that name at once
  const auto is_going = [&](const nlohmann::json& object) {
    const std::string seen = report::text(object, "/metadata/uid");
    uid = uid.empty() ? seen : uid;
    return seen == uid && !report::text(object, "/metadata/deletionTimestamp").empty();
  };
  watch_objects(
      client, kind, ns, {{}, "metadata.name=" + name},
      {.on_list =
           [&](const std::vector<nlohmann::json>& objects) {
             return !objects.empty() && is_going(objects.front());
           },
       .on_event = [&](const std::string& type,
                       const nlohmann::json& object) { return type != "DELETED" && is_going(object); }},
      timeout);
}

int print_results(const Session& session, const DeleteOptions& options, const nlohmann::json& results,
                  report::Format format) {
  int code = report::kPassed;
  if (report::is_structured(format)) {
    report::print_value(session.out(), results, format);
  }
  for (const nlohmann::json& result : results) {
    const std::string kind = report::text(result, "/kind");
    const api::ResourceKind* known = api::find_resource(kind);
    const std::string word = known != nullptr ? std::string(known->singular) : kind;
    const std::string name = report::text(result, "/name");
    if (report::text(result, "/action") == "notfound") {
      if (!options.ignore_not_found) {
        session.error(Error(ErrorKind::NotFound, word + " \"" + name + "\" not found"));
        code = report::kUsage;
      }
    } else if (format == report::Format::Name) {
      session.line(word + "/" + name);
    } else if (format == report::Format::Table) {
      session.line(word + " \"" + name + "\" deleted");
    }
  }
  session.out().flush();
  return code;
}

int run_delete(const Session& session, const DeleteOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  std::vector<std::string> paths = options.files;
  std::vector<std::string> arguments;
  for (const std::string& argument : options.arguments) {
    (is_path(argument) ? paths : arguments).push_back(argument);
  }
  if (paths.empty() == arguments.empty()) {
    throw Error(ErrorKind::InvalidInput,
                paths.empty() ? "nothing named to delete" : "files and names: cannot be together",
                "such as `labctl delete pod web-0` or `labctl delete -f web.yaml`");
  }
  const auto timeout = parse_flag_duration("--timeout", options.timeout);
  api::Client client = session.client(timeout);
  nlohmann::json request;
  if (paths.empty()) {
    request["refs"] = refs_of(client, options, arguments);
    if (request["refs"].empty()) {
      session.note("No resources found");
      return report::kPassed;
    }
  } else {
    request["sources"] = read_sources_json(paths);
    request["namespace"] = options.ns;
  }
  if (options.grace_seconds >= 0) {
    request["gracePeriodSeconds"] = options.grace_seconds;
  }
  const nlohmann::json answer = client.post("/lab/v1/delete", api::json_line(request)).json();
  session.diagnostics(diagnostics_of(answer));
  const nlohmann::json& results = report::at(answer, "/results");
  const int code = print_results(session, options, results, format);
  for (const nlohmann::json& result : results) {
    const api::ResourceKind* kind = api::find_resource(report::text(result, "/kind"));
    if (options.wait && kind != nullptr && report::text(result, "/action") == "deleted") {
      wait_until_gone(client, *kind, report::text(result, "/namespace"), report::text(result, "/name"),
                      timeout);
    }
  }
  return code;
}

}  // namespace

void add_delete(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<DeleteOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "delete",
       .group = "Objects in a lab",
       .summary = "Delete objects, by name, label or file",
       .examples = "  labctl delete pod web-0\n"
                   "  labctl delete deploy/web pod/client\n"
                   "  labctl delete pods -l app=web\n"
                   "  labctl delete -f web.yaml\n",
       .about =
           "Waits until the objects are gone. What belongs to them (the pods of a Deployment) goes too.\n"
           "Of files only kind, name and namespace are read."},
      [options](const Session& session) { return run_delete(session, *options); });
  verb->add_option("RESOURCE", options->arguments, "KIND NAME..., KIND/NAME..., or files")
      ->type_name("RESOURCE");
  verb->add_option("-f,--filename", options->files, "The objects in these files; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  add_namespace_flags(*verb, options->ns);
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
  verb->add_option("-l,--selector", options->label_selector, "Those with these labels")
      ->type_name("SELECTOR");
  verb->add_flag("--all", options->all, "All of the kind in the namespace");
  verb->add_option("--grace-period", options->grace_seconds,
                   "Seconds a pod's processes have to end; 0 kills at once")
      ->type_name("SECONDS")
      ->check(CLI::NonNegativeNumber);
  verb->add_flag("--ignore-not-found", options->ignore_not_found, "What is not there is no error");
  verb->add_flag("--wait,!--no-wait", options->wait, "Wait until the objects are gone (the default)");
  verb->add_option("--timeout", options->timeout, "How long to wait for each object")
      ->type_name("DURATION")
      ->capture_default_str();
}

}  // namespace labctl::commands
