#include "labctl/doctor/doctor.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/host_report.hpp"

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct DoctorOptions {
  std::string output = "table";
  int pods = 1000;
};

int run_doctor(const Session& session, const DoctorOptions& options) {
  using report::Format;
  const Format format = parse_output(options.output, {Format::Table, Format::Wide, Format::Name, Format::Json,
                                                      Format::Yaml, Format::JsonLines});
  const doctor::HostReport found = doctor::check_host(options.pods);
  report::print_host_report(session.out(), found.items, found.can_run, format, session.palette());
  return found.can_run ? report::kPassed : report::kHost;
}

}  // namespace

void add_doctor(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "doctor",
       .group = "Tests and checks",
       .summary = "Tell whether this host can run labs, and what to do if not",
       .examples = "  labctl doctor\n"
                   "  labctl doctor --pods 5000           # for a lab of that size\n"
                   "  labctl doctor -o json | jq '.checks[] | select(.verdict == \"fail\")'\n",
       .about =
           "Tries each step of a lab in a child process; nothing of the host is changed. Ends with 3 when\n"
           "labs cannot run here."},
      [options](const Session& session) { return run_doctor(session, *options); });
  add_output_flag(*verb, options->output, "table, wide, name, json, yaml or jsonl");
  verb->add_option("--pods", options->pods, "The size of lab to judge limits for")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace labctl::commands
