#include "labctl/api/resource_kinds.hpp"
#include "labctl/api/uri.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct LogsOptions {
  std::string pod;
  std::string ns = "default";
  std::string container;
  long tail = -1;
  bool follow = false;
  bool previous = false;
};

int run_logs(const Session& session, const LogsOptions& options) {
  const bool qualified = options.pod.find('/') != std::string::npos;
  const api::ResourceRef ref =
      api::parse_resource_ref(qualified ? options.pod : "pod/" + options.pod, options.ns);
  if (ref.kind->plural != "pods") {
    throw Error(ErrorKind::InvalidInput, "logs of " + options.pod + ": only pods have logs",
                "`labctl get pods` lists them");
  }
  std::map<std::string, std::string> query{{"namespace", ref.ns}, {"pod", ref.name}};
  if (!options.container.empty()) {
    query["container"] = options.container;
  }
  if (options.follow) {
    query["follow"] = "1";
  }
  if (options.previous) {
    query["previous"] = "1";
  }
  if (options.tail >= 0) {
    query["tail"] = std::to_string(options.tail);
  }
  api::Client client = session.client();
  client.stream("GET", "/lab/v1/logs" + api::query_string(query), {}, [&](std::string_view piece) {
    session.out().write(piece.data(), static_cast<std::streamsize>(piece.size()));
    session.out().flush();
    return session.out().good();
  });
  return report::kPassed;
}

}  // namespace

void add_logs(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* verb =
      add_verb(app, globals,
               {.name = "logs",
                .group = "Objects in a lab",
                .summary = "Print what a pod's container has written",
                .examples = "  labctl logs web-0\n"
                            "  labctl logs -f web-0 -c app --tail 20\n"
                            "  labctl logs -p web-0                # of the run before the restart\n",
                .about = {}},
               [options](const Session& session) { return run_logs(session, *options); });
  verb->add_option("POD", options->pod, "A pod")->type_name("POD")->required();
  add_namespace_flags(*verb, options->ns);
  verb->add_option("-c,--container", options->container, "The pod's container; its first by default")
      ->type_name("NAME");
  verb->add_flag("-f,--follow", options->follow, "Go on with what comes, until interrupted");
  verb->add_flag("-p,--previous", options->previous, "Of the container's run before this one");
  verb->add_option("--tail", options->tail, "Only so many last lines")
      ->type_name("LINES")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace labctl::commands
