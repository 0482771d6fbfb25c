#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/lab_status.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/supervisor/registry.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>

namespace labctl::commands {
namespace {

struct StatusOptions {
  std::string lab;
  std::string output = "table";
};

// A lab that is well answers at once, so one that does not is told as such soon.
nlohmann::json ask_status(const Session& session, const std::string& lab) {
  constexpr std::chrono::seconds kPatience{2};
  api::Client client = session.client(kPatience, lab);
  try {
    return client.get("/lab/v1/status").json();
  } catch (const Error& error) {
    const auto entry = supervisor::find_lab(client.lab());
    if (!entry || !entry->is_alive) {
      session.lab(client.lab());  // throws how it ended
    }
    if (error.kind() != ErrorKind::Timeout) {
      throw;
    }
    const std::string name = "lab \"" + client.lab() + "\"";
    if (entry && !entry->is_ready) {
      throw Error(ErrorKind::Timeout, name + ": is still booting", "`labctl ls` shows when it is Ready");
    }
    throw Error(ErrorKind::Timeout, name + ": does not answer",
                "it is busy or stopped: `labctl down " + client.lab() + "` ends it all the same");
  }
}

int run_status(const Session& session, const StatusOptions& options) {
  using report::Format;
  const Format format =
      parse_output(options.output, {Format::Table, Format::Json, Format::Yaml, Format::JsonLines});
  const nlohmann::json status = ask_status(session, options.lab);
  if (report::is_structured(format)) {
    report::print_value(session.out(), status, format);
  } else {
    report::print_lab_status(session.out(), status, session.palette(), std::chrono::system_clock::now());
  }
  return report::kPassed;
}

}  // namespace

void add_status(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* verb = add_verb(app, globals,
                            {.name = "status",
                             .group = "Labs",
                             .summary = "Tell how a lab is doing",
                             .examples = "  labctl status\n"
                                         "  labctl status shop -o json\n",
                             .about = {}},
                            [options](const Session& session) { return run_status(session, *options); });
  verb->add_option("LAB", options->lab, "The lab; by default that of -n, or the only one")->type_name("LAB");
  add_output_flag(*verb, options->output, "table, json, yaml or jsonl");
}

}  // namespace labctl::commands
