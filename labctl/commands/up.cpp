#include "labctl/commands/boot_input.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/lab/dry_run.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/lab_status.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/supervisor/launch.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/signal_fd.hpp"
#include "topology/base/unique_fd.hpp"

#include <nlohmann/json.hpp>

#include <poll.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <ostream>
#include <string>

namespace labctl::commands {
namespace {

struct UpOptions {
  Paths paths;
  std::string output = "table";
  std::string timeout = "60s";
  bool strict = false;
  bool dry_run = false;
  bool foreground = false;
};

int code_of_signal(int number) { return number == SIGINT ? report::kInterrupted : report::kTerminated; }

constexpr std::array kEndSignals{SIGINT, SIGTERM, SIGHUP};

void print_ready(const Session& session, const nlohmann::json& status, report::Format format) {
  std::ostream& out = session.out();
  if (report::is_structured(format)) {
    report::print_value(out, status, format);
  } else if (format == report::Format::Name) {
    session.line(report::text(status, "/name"));
  } else {
    report::print_lab_is_up(out, status, session.palette());
  }
  out.flush();
  if (const std::string stand_ins = report::stand_in_text(status); !stand_ins.empty()) {
    session.note(stand_ins + "; `labctl describe pod` names them");
  }
}

// Until `labctl down` has ended the lab (0), a signal asks for it, or it ends by itself, which is thrown.
int stay(const Session& session, supervisor::LaunchedLab& lab, const SignalFd& signals) {
  session.note("Ctrl-C takes the lab down");
  const UniqueFd keeper = lab.keeper_fd();
  pollfd waits[] = {{.fd = keeper.get(), .events = POLLIN, .revents = 0},
                    {.fd = signals.fd(), .events = POLLIN, .revents = 0}};
  while (::poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  if (waits[1].revents == 0) {
    if (const auto entry = supervisor::find_lab(lab.name()); entry && !entry->is_alive) {
      throw Error(ErrorKind::Kernel, supervisor::story_of(lab.name(), entry->end));
    }
    session.note("lab " + lab.name() + " has gone");
    return report::kPassed;
  }
  const int number = signals.take();
  session.note("taking lab " + lab.name() + " down");
  lab.take_down();
  return code_of_signal(number);
}

int run_up(const Session& session, const UpOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  BootInput input = read_boot_input(session, options.paths.all(), options.strict);
  if (options.dry_run) {
    session.lines(lab::describe_plan(input.cluster, input.objects));
    return report::kPassed;
  }
  const supervisor::LaunchOptions launch{.lab = input.lab,
                                         .cluster = std::move(input.cluster),
                                         .objects = std::move(input.objects),
                                         .timeout = parse_flag_duration("--timeout", options.timeout)};
  try {
    supervisor::LaunchedLab lab = supervisor::launch(launch);
    if (options.foreground) {
      // A Ctrl-C just before this line ends us, and with us the lab that was not committed.
      const SignalFd signals(kEndSignals);
      print_ready(session, lab.status(), format);
      return stay(session, lab, signals);
    }
    lab.commit();
    print_ready(session, lab.status(), format);
    return report::kPassed;
  } catch (const supervisor::Interrupted& interrupted) {
    session.note("interrupted: nothing is left of lab " + input.lab);
    return code_of_signal(interrupted.signal);
  }
}

}  // namespace

void add_up(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<UpOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "up",
       .group = "Labs",
       .summary = "Boot a lab from files",
       .examples = "  labctl up lab.yaml                  # a Cluster, Kubernetes manifests, or both\n"
                   "  labctl up manifests/                # all *.yaml, *.yml and *.json below a folder\n"
                   "  labctl up                           # lab.yaml if there is one, else two empty nodes\n"
                   "  kustomize build . | labctl up -n pr-7 -f -\n"
                   "  labctl up lab.yaml --dry-run        # show what would be made\n",
       .about = "Returns when the lab is ready; it then lives in the background until `labctl down`.\n"
                "Its name is that of -n, else of the Cluster in the files, else of the file or folder.\n"
                "Needs no root. When the boot fails, nothing is left behind."},
      [options](const Session& session) { return run_up(session, *options); });
  add_path_flags(*verb, options->paths, "Files, folders or - for standard input");
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
  verb->add_option("--timeout", options->timeout, "Give up, and take down what was made, after this time")
      ->type_name("DURATION")
      ->capture_default_str();
  verb->add_flag("--strict", options->strict,
                 "Refuse files with kinds or fields that labctl does not act on");
  verb->add_flag("--dry-run", options->dry_run, "Print the plan, make nothing");
  verb->add_flag("--foreground", options->foreground, "Stay; the lab ends with this command");
}

}  // namespace labctl::commands
