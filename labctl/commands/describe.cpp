#include "labctl/report/objects/describe.hpp"

#include "labctl/api/uri.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/objects.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"
#include "topology/base/error.hpp"
#include "topology/model/well_known.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct DescribeOptions {
  std::vector<std::string> arguments;
  std::string ns = "default";
  ListFilter filter;
};

std::vector<nlohmann::json> events_of(api::Client& client, const nlohmann::json& object) {
  const ObjectList all =
      list_objects(client, *api::find_resource("events"), report::text(object, "/metadata/namespace"));
  std::vector<nlohmann::json> events;
  for (const nlohmann::json& event : all.items) {
    const std::string uid = report::text(event, "/involvedObject/uid");
    const bool same = report::text(event, "/involvedObject/kind") == report::text(object, "/kind") &&
                      report::text(event, "/involvedObject/name") == report::text(object, "/metadata/name") &&
                      (uid.empty() || uid == report::text(object, "/metadata/uid") ||
                       report::text(object, "/kind") == "Node");
    if (same) {
      events.push_back(event);
    }
  }
  std::stable_sort(events.begin(), events.end(), report::happened_before);
  return events;
}

// What belongs into the description of a node, a Deployment or a Service beside itself.
std::vector<nlohmann::json> related_to(api::Client& client, const nlohmann::json& object) {
  const std::string kind = report::text(object, "/kind");
  std::vector<nlohmann::json> related;
  if (kind == "Node") {
    for (nlohmann::json& pod : list_objects(client, *api::find_resource("pods"), {}).items) {
      if (report::text(pod, "/spec/nodeName") == report::text(object, "/metadata/name")) {
        related.push_back(std::move(pod));
      }
    }
  } else if (kind == "Deployment") {
    const std::string ns = report::text(object, "/metadata/namespace");
    for (nlohmann::json& set : list_objects(client, *api::find_resource("replicasets"), ns).items) {
      for (const nlohmann::json& owner : report::at(set, "/metadata/ownerReferences")) {
        if (report::text(owner, "/uid") == report::text(object, "/metadata/uid")) {
          related.push_back(set);
          break;
        }
      }
    }
  }
  if (kind == "Service") {
    ListFilter of_service;
    of_service.label_selector =
        std::string(model::kServiceNameLabel) + "=" + report::text(object, "/metadata/name");
    related = list_objects(client, *api::find_resource("endpointslices"),
                           report::text(object, "/metadata/namespace"), of_service)
                  .items;
  }
  return related;
}

// What each node does for a Service; null for other kinds, and in a lab that cannot tell.
nlohmann::json programmed_for(api::Client& client, const nlohmann::json& object) {
  if (report::text(object, "/kind") != "Service") {
    return nullptr;
  }
  try {
    return client
        .get("/lab/v1/services/" + api::percent_encode(report::text(object, "/metadata/namespace")) + "/" +
             api::percent_encode(report::text(object, "/metadata/name")))
        .json();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::NotFound) {
      throw;
    }
    return nullptr;
  }
}

int run_describe(const Session& session, const DescribeOptions& options) {
  const std::vector<Selection> selections = parse_selections(options.arguments, options.ns, false);
  api::Client client = session.client();
  std::vector<nlohmann::json> objects;
  for (const Selection& selection : selections) {
    if (selection.names.empty()) {
      ObjectList list = list_objects(client, *selection.kind, selection.ns, options.filter);
      objects.insert(objects.end(), list.items.begin(), list.items.end());
    }
    for (const std::string& name : selection.names) {
      objects.push_back(get_object(client, *selection.kind, selection.ns, name));
    }
  }
  if (objects.empty()) {
    session.note("No resources found");
  }
  bool first = true;
  for (const nlohmann::json& object : objects) {
    session.lines(first ? "" : "\n\n");
    first = false;
    const nlohmann::json programmed = programmed_for(client, object);
    report::print_description(session.out(), object, events_of(client, object), related_to(client, object),
                              std::chrono::system_clock::now(), programmed.is_null() ? nullptr : &programmed);
  }
  return report::kPassed;
}

}  // namespace

void add_describe(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<DescribeOptions>();
  CLI::App* verb =
      add_verb(app, globals,
               {.name = "describe",
                .group = "Objects in a lab",
                .summary = "Tell all about an object, with its events",
                .examples = "  labctl describe pod web-0\n"
                            "  labctl describe node/node-1\n"
                            "  labctl describe deploy web -N shop\n"
                            "  labctl describe svc web                # and what each node does\n",
                .about = {}},
               [options](const Session& session) { return run_describe(session, *options); });
  verb->add_option("RESOURCE", options->arguments, "KIND NAME..., KIND/NAME..., or KIND for all of a kind")
      ->type_name("RESOURCE")
      ->required();
  add_namespace_flags(*verb, options->ns);
  verb->add_option("-l,--selector", options->filter.label_selector, "Only objects with these labels")
      ->type_name("SELECTOR");
}

}  // namespace labctl::commands
