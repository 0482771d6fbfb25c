#include "labctl/commands/commands.hpp"
#include "labctl/commands/get_dns.hpp"
#include "labctl/commands/objects.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/commands/watch.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct GetOptions {
  std::vector<std::string> arguments;
  std::string ns = "default";
  std::string output = "table";
  ListFilter filter;
  bool every_namespace = false;
  bool watch = false;
  bool watch_only = false;
  bool headers = true;
  bool show_labels = false;
};

void explain_nothing(const Session& session, const Selection& selection) {
  session.note(selection.ns.empty() ? "No resources found"
                                    : "No resources found in " + selection.ns + " namespace.");
}

int watch(const Session& session, const GetOptions& options, const std::vector<Selection>& selections,
          const report::ResourceView& view) {
  if (selections.size() != 1 || selections.front().names.size() > 1) {
    throw Error(ErrorKind::InvalidInput, "--watch: one kind, or one object, at a time");
  }
  ListFilter filter = options.filter;
  if (!selections.front().names.empty()) {
    filter.field_selector = "metadata.name=" + selections.front().names.front();
  }
  api::Client client = session.client();
  report::ResourceWatch printer(session.out(), view);
  watch_objects(client, *selections.front().kind, selections.front().ns, filter,
                {.on_list =
                     [&](const std::vector<nlohmann::json>& objects) {
                       if (!options.watch_only) {
                         printer.list(objects);
                       }
                       return session.out().good();
                     },
                 .on_event =
                     [&](const std::string&, const nlohmann::json& object) {
                       printer.row(object);
                       return session.out().good();
                     }});
  return report::kPassed;
}

int run_get(const Session& session, const GetOptions& options) {
  using report::Format;
  if (asks_for_dns(options.arguments)) {
    return get_dns(
        session, options.arguments, options.ns,
        parse_output(options.output, {Format::Table, Format::Json, Format::Yaml, Format::JsonLines}),
        options.headers);
  }
  const std::vector<Selection> selections =
      parse_selections(options.arguments, options.ns, options.every_namespace);
  report::ResourceView view;
  view.format = parse_output(options.output, {Format::Table, Format::Wide, Format::Name, Format::Json,
                                              Format::Yaml, Format::JsonLines});
  view.with_namespace = options.every_namespace && selections.front().kind->namespaced;
  view.with_kind = selections.size() > 1;
  view.with_labels = options.show_labels;
  view.headers = options.headers;
  view.palette = session.palette();
  if (options.watch || options.watch_only) {
    return watch(session, options, selections, view);
  }
  api::Client client = session.client();
  std::vector<nlohmann::json> objects;
  for (const Selection& selection : selections) {
    if (!selection.names.empty()) {
      for (const std::string& name : selection.names) {
        objects.push_back(get_object(client, *selection.kind, selection.ns, name));
      }
      continue;
    }
    ObjectList list = list_objects(client, *selection.kind, selection.ns, options.filter);
    objects.insert(objects.end(), std::make_move_iterator(list.items.begin()),
                   std::make_move_iterator(list.items.end()));
  }
  view.single = objects.size() == 1 && !selections.front().names.empty();
  if (objects.empty() && !report::is_structured(view.format)) {
    explain_nothing(session, selections.front());
    return report::kPassed;
  }
  report::print_resources(session.out(), objects, view);
  return report::kPassed;
}

}  // namespace

void add_get(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<GetOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "get",
       .group = "Objects in a lab",
       .summary = "Show pods, nodes, deployments and other objects",
       .examples = "  labctl get pods                        # of the default namespace\n"
                   "  labctl get pods -A -o wide             # of all, with addresses and nodes\n"
                   "  labctl get deploy/web pod/client\n"
                   "  labctl get pods -l app=web -o name\n"
                   "  labctl get pods -w                     # and every change from now on\n"
                   "  labctl get pod web-0 -o yaml\n"
                   "  labctl get dns web -N shop             # what a pod of that namespace would be told\n",
       .about =
           "Kinds: namespaces (ns), nodes (no), pods (po), deployments (deploy), replicasets (rs),\n"
           "statefulsets (sts), daemonsets (ds), jobs, cronjobs (cj), services (svc), endpoints (ep), "
           "endpointslices,\n"
           "configmaps (cm), secrets, serviceaccounts (sa), persistentvolumeclaims (pvc),\n"
           "persistentvolumes (pv), storageclasses (sc), events (ev), and all.\n"
           "Kept without effect: networkpolicies (netpol), ingresses (ing), ingressclasses,\n"
           "poddisruptionbudgets (pdb), horizontalpodautoscalers (hpa), priorityclasses (pc),\n"
           "resourcequotas (quota), limitranges (limits), roles, rolebindings, clusterroles,\n"
           "clusterrolebindings, leases, runtimeclasses and webhook configurations.\n"
           "As with kubectl, except that -n names the lab and -N the namespace.\n\n"
           "dns NAME asks the lab's DNS servers for the A, AAAA, CNAME, SRV and TXT records of a name, of "
           "an\n"
           "address for its PTR records; ends with 1 when there is none."},
      [options](const Session& session) { return run_get(session, *options); });
  verb->add_option("RESOURCE", options->arguments, "KIND, KIND NAME..., KIND,KIND or KIND/NAME...")
      ->type_name("RESOURCE")
      ->required();
  add_namespace_flags(*verb, options->ns, &options->every_namespace);
  add_output_flag(*verb, options->output, "table, wide, name, json, yaml or jsonl");
  verb->add_option("-l,--selector", options->filter.label_selector,
                   "Only objects with these labels, such as app=web,tier!=db")
      ->type_name("SELECTOR");
  verb->add_option("--field-selector", options->filter.field_selector, "Only objects with these fields")
      ->type_name("SELECTOR");
  verb->add_flag("-w,--watch", options->watch, "Then print each change, until interrupted");
  verb->add_flag("--watch-only", options->watch_only, "Print changes only");
  verb->add_flag("--show-labels", options->show_labels, "A last column with the labels");
  verb->add_flag("!--no-headers", options->headers, "Without the line of column names");
}

}  // namespace labctl::commands
