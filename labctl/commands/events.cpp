#include "labctl/commands/commands.hpp"
#include "labctl/commands/objects.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/commands/watch.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct EventsOptions {
  std::string ns;
  std::string output = "table";
  std::string type;
  std::string about;
  bool watch = false;
  bool headers = true;
};

// `about` is "pod/web-0": the object the event tells of.
bool is_wanted(const nlohmann::json& event, const EventsOptions& options,
               const std::optional<api::ResourceRef>& about) {
  if (!options.type.empty() && report::text(event, "/type") != options.type) {
    return false;
  }
  return !about || (report::text(event, "/involvedObject/kind") == about->kind->kind &&
                    report::text(event, "/involvedObject/name") == about->name);
}

int run_events(const Session& session, const EventsOptions& options) {
  using report::Format;
  report::ResourceView view;
  view.format = parse_output(options.output, {Format::Table, Format::Wide, Format::Name, Format::Json,
                                              Format::Yaml, Format::JsonLines});
  view.with_namespace = options.ns.empty();
  view.headers = options.headers;
  view.palette = session.palette();
  if (!options.type.empty() && options.type != "Normal" && options.type != "Warning") {
    throw Error(ErrorKind::InvalidInput, "--type " + options.type + ": not Normal or Warning");
  }
  std::optional<api::ResourceRef> about;
  if (!options.about.empty()) {
    about = api::parse_resource_ref(options.about, options.ns.empty() ? "default" : options.ns);
  }
  api::Client client = session.client();
  const api::ResourceKind& kind = *api::find_resource("events");
  const auto sorted = [&](const std::vector<nlohmann::json>& all) {
    std::vector<nlohmann::json> events;
    std::copy_if(all.begin(), all.end(), std::back_inserter(events),
                 [&](const nlohmann::json& event) { return is_wanted(event, options, about); });
    std::stable_sort(events.begin(), events.end(), report::happened_before);
    return events;
  };
  if (options.watch) {
    report::ResourceWatch printer(session.out(), view);
    watch_objects(client, kind, options.ns, {},
                  {.on_list =
                       [&](const std::vector<nlohmann::json>& all) {
                         printer.list(sorted(all));
                         return session.out().good();
                       },
                   .on_event =
                       [&](const std::string& type, const nlohmann::json& event) {
                         if (type != "DELETED" && is_wanted(event, options, about)) {
                           printer.row(event);
                         }
                         return session.out().good();
                       }});
    return report::kPassed;
  }
  const std::vector<nlohmann::json> events = sorted(list_objects(client, kind, options.ns).items);
  if (events.empty() && !report::is_structured(view.format)) {
    session.note("No events found");
    return report::kPassed;
  }
  report::print_resources(session.out(), events, view);
  return report::kPassed;
}

}  // namespace

void add_events(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<EventsOptions>();
  CLI::App* verb =
      add_verb(app, globals,
               {.name = "events",
                .group = "Objects in a lab",
                .summary = "Show what has happened, oldest first",
                .examples = "  labctl events\n"
                            "  labctl events -w                    # and what happens from now on\n"
                            "  labctl events --for pod/web-0 --type Warning\n"
                            "  labctl events -o jsonl | jq .reason\n",
                .about = "Of all namespaces, unless -N names one."},
               [options](const Session& session) { return run_events(session, *options); });
  verb->add_option("-N,--namespace", options->ns, "Only this namespace (-n is the lab)")
      ->type_name("NAMESPACE");
  add_output_flag(*verb, options->output, "table, wide, name, json, yaml or jsonl");
  verb->add_option("--for", options->about, "Only of this object, such as pod/web-0")->type_name("KIND/NAME");
  verb->add_option("--type", options->type, "Only Normal or only Warning")->type_name("TYPE");
  verb->add_flag("-w,--watch", options->watch, "Then print each new event, until interrupted");
  verb->add_flag("!--no-headers", options->headers, "Without the line of column names");
}

}  // namespace labctl::commands
