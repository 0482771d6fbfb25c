#include "labctl/commands/commands.hpp"
#include "labctl/commands/exit_code.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/age.hpp"
#include "labctl/report/fields.hpp"
#include "labctl/report/resources.hpp"
#include "labctl/report/table.hpp"
#include "labctl/supervisor/registry.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct LsOptions {
  std::string output = "table";
  bool headers = true;
};

// What the lab says of itself; one that does not answer in time is listed as such, and does not hold up the
// others.
nlohmann::json status_of(const supervisor::LabEntry& entry) {
  if (!entry.is_alive) {
    return {{"name", entry.name}, {"phase", "Dead"}};
  }
  try {
    return api::Client(supervisor::socket_path(entry.name), std::chrono::seconds(2))
        .get("/lab/v1/status")
        .json();
  } catch (const Error& error) {
    // A lab listens before it has booted, and answers once it has.
    return {{"name", entry.name}, {"phase", error.kind() == ErrorKind::Timeout ? "Starting" : "Unknown"}};
  }
}

void print_table(const Session& session, const std::vector<nlohmann::json>& labs, bool wide, bool headers) {
  std::vector<std::string> columns{"NAME", "PHASE", "NODES", "PODS", "AGE"};
  if (wide) {
    columns.insert(columns.end(), {"MODE", "NETWORK", "FAMILIES", "PID", "BOOT", "DIRECTORY"});
  }
  report::Table table(std::move(columns), headers);
  const report::Palette& palette = session.palette();
  for (const nlohmann::json& lab : labs) {
    const std::string phase = report::text(lab, "/phase");
    const bool answered = lab.contains("createdAt");
    std::vector<std::string> cells{
        report::text(lab, "/name"), phase == "Ready" ? palette.good(phase) : palette.warn(phase),
        report::text_or(lab, "/nodes", "-"),
        answered ? report::text(lab, "/pods/ready") + "/" + report::text(lab, "/pods/total") : "-",
        answered ? report::age_since(report::text(lab, "/createdAt"), std::chrono::system_clock::now())
                 : "-"};
    if (wide) {
      const std::string boot = report::text(lab, "/bootMs");
      cells.insert(cells.end(), {report::text_or(lab, "/mode", "-"), report::text_or(lab, "/network", "-"),
                                 report::join_texts(report::at(lab, "/families"), "-"),
                                 report::text_or(lab, "/supervisorPid", "-"),
                                 boot.empty() ? "-" : boot + "ms", report::text_or(lab, "/directory", "-")});
    }
    table.add(std::move(cells));
  }
  table.print(session.out());
}

int run_ls(const Session& session, const LsOptions& options) {
  using report::Format;
  const Format format = parse_output(options.output, {Format::Table, Format::Wide, Format::Name, Format::Json,
                                                      Format::Yaml, Format::JsonLines});
  std::vector<nlohmann::json> labs;
  for (const supervisor::LabEntry& entry : supervisor::list_labs()) {
    labs.push_back(format == Format::Name ? nlohmann::json{{"name", entry.name}} : status_of(entry));
  }
  if (report::is_structured(format)) {
    report::print_value(session.out(), labs, format);
  } else if (format == Format::Name) {
    for (const nlohmann::json& lab : labs) {
      session.out() << report::text(lab, "/name") << '\n';
    }
  } else if (labs.empty()) {
    session.note("no lab is up");
  } else {
    print_table(session, labs, format == Format::Wide, options.headers);
  }
  return kPassed;
}

}  // namespace

void add_ls(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<LsOptions>();
  CLI::App* verb = add_verb(app, globals,
                            {.name = "ls",
                             .group = "Labs",
                             .summary = "List the labs of this user",
                             .examples = "  labctl ls\n"
                                         "  labctl ls -o wide\n"
                                         "  labctl ls -o name | xargs -r labctl down\n",
                             .about = "A lab of phase Dead was killed; `labctl gc` removes its folder."},
                            [options](const Session& session) { return run_ls(session, *options); });
  add_output_flag(*verb, options->output, "table, wide, name, json, yaml or jsonl");
  verb->add_flag("!--no-headers", options->headers, "Without the line of column names");
}

}  // namespace labctl::commands
