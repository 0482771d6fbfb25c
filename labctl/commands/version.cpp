#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"

#include <nlohmann/json.hpp>

#include <sys/utsname.h>

#include <memory>

namespace labctl::commands {
namespace {

struct VersionOptions {
  std::string output = "table";
};

int run_version(const Session& session, const VersionOptions& options) {
  using report::Format;
  const Format format =
      parse_output(options.output, {Format::Table, Format::Json, Format::Yaml, Format::JsonLines});
  if (!report::is_structured(format)) {
    session.line("labctl " LABCTL_VERSION);
    return report::kPassed;
  }
  utsname host{};
  ::uname(&host);
  report::print_value(session.out(),
                      {{"version", LABCTL_VERSION},
                       {"apiVersion", "labctl.dev/v1alpha1"},
                       {"compiler", __VERSION__},
                       {"kernel", host.release},
                       {"architecture", host.machine}},
                      format);
  return report::kPassed;
}

}  // namespace

void add_version(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<VersionOptions>();
  CLI::App* verb = add_verb(app, globals,
                            {.name = "version",
                             .group = "Other",
                             .summary = "Print the version",
                             .examples = "  labctl version\n"
                                         "  labctl version -o json\n",
                             .about = {}},
                            [options](const Session& session) { return run_version(session, *options); });
  add_output_flag(*verb, options->output, "table, json, yaml or jsonl");
}

}  // namespace labctl::commands
