#include "labctl/api/diagnostic_json.hpp"
#include "labctl/api/up_message.hpp"
#include "labctl/commands/boot_input.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/standard_streams.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/images/image_rules.hpp"
#include "labctl/lab/dry_run.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/lab_status.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/supervisor/launch.hpp"
#include "labctl/supervisor/registry.hpp"
#include "labctl/supervisor/take_down.hpp"
#include "topology/base/signal_fd.hpp"
#include "topology/base/unique_fd.hpp"
#include "topology/model/host_programs.hpp"

#include <nlohmann/json.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

namespace labctl::commands {
namespace {

struct UpOptions {
  Paths paths;
  std::string output = "table";
  std::string timeout = "60s";
  std::string ns;
  std::string host_programs;
  bool remote_store = false;
  bool wait = true;
  bool strict = false;
  bool dry_run = false;
  bool foreground = false;
};

int code_of_signal(int number) { return number == SIGINT ? report::kInterrupted : report::kTerminated; }

constexpr std::array kEndSignals{SIGINT, SIGTERM, SIGHUP};

// SIGINT, SIGTERM and SIGHUP as a number that a request of the lab's client looks at; their usual effect
// comes back when this goes.
class StopRequests {
 public:
  StopRequests() {
    number_ = 0;
    struct sigaction action {};
    action.sa_handler = [](int number) { number_ = number; };
    for (size_t i = 0; i < kEndSignals.size(); ++i) {
      ::sigaction(kEndSignals[i], &action, &before_[i]);
    }
  }
  ~StopRequests() {
    for (size_t i = 0; i < kEndSignals.size(); ++i) {
      ::sigaction(kEndSignals[i], &before_[i], nullptr);
    }
  }
  StopRequests(const StopRequests&) = delete;
  StopRequests& operator=(const StopRequests&) = delete;
  static const std::atomic<int>& number() { return number_; }

 private:
  static inline std::atomic<int> number_{0};
  std::array<struct sigaction, kEndSignals.size()> before_{};
};

// What `up` came to: the lab's status, and whether what it was booted with is ready.
struct Boot {
  nlohmann::json status;
  std::optional<api::UpReply> seen;  // nothing: not waited for
};

// Until every pod is ready, or those that are not will not be. With StopRequests another signal ends it:
// nothing is seen then. Throws what Client throws.
Boot wait_until_ready(const Session& session, const supervisor::LaunchedLab& lab,
                      std::chrono::steady_clock::time_point deadline) {
  constexpr std::chrono::seconds kLongerThanItsAnswer{30};
  const auto left =
      std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()),
               std::chrono::milliseconds(0));
  api::Client client(supervisor::socket_path(lab.name()), left + kLongerThanItsAnswer);
  client.stop_when(StopRequests::number());
  try {
    Boot boot;
    boot.seen = api::wait_until_up(client, left, [&](const std::string& what) {
      session.note("lab " + lab.name() + " is up; " + what);
    });
    boot.status = client.get("/lab/v1/status").json();
    boot.status["ready"] = boot.seen->is_up;
    boot.status["notReady"] = api::to_json(boot.seen->left);
    return boot;
  } catch (const Error&) {
    if (StopRequests::number() == 0) {
      throw;
    }
    return {lab.status(), std::nullopt};
  }
}

// How it is told, and what was said of the files.
struct Output {
  report::Format format = report::Format::Table;
  std::vector<Diagnostic> warnings;
};

void print_up(const Session& session, const Boot& boot, const Output& output) {
  const nlohmann::json& status = boot.status;
  std::ostream& out = session.out();
  if (report::is_structured(output.format)) {
    nlohmann::json whole = status;
    whole["diagnostics"] = api::to_json(output.warnings);
    report::print_value(out, whole, output.format);
  } else if (output.format == report::Format::Name) {
    session.line(report::text(status, "/name"));
  } else {
    report::print_lab_is_up(out, status, session.palette());
  }
  lost_output();
  if (const std::string stand_ins = report::stand_in_text(status); !stand_ins.empty()) {
    session.note(stand_ins + "; `labctl describe pod` names them");
  }
}

// Says what is not ready and why. Whether all is.
bool tell_what_is_left(const Session& session, const Boot& boot) {
  if (!boot.seen || boot.seen->is_up) {
    return true;
  }
  for (const std::string& line : api::lines_of(*boot.seen)) {
    session.error(Error(ErrorKind::Timeout, line));
  }
  session.error(
      Error(ErrorKind::Timeout,
            api::what_is_left(*boot.seen) + (boot.seen->is_settled ? " will not become ready without a change"
                                                                   : " did not become ready in time"),
            "the lab is up: `labctl describe` and `labctl logs` tell more"));
  return false;
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

// An `up` nobody can hear of leaves nothing: half an answer and a lab would be two stories.
bool is_told(const Session& session, const supervisor::LaunchedLab& lab) {
  constexpr std::chrono::seconds kEndWithin{30};
  const std::optional<Error> lost = lost_output();
  if (lost) {
    supervisor::take_down(lab.name(), kEndWithin);
    session.error(Error(lost->kind(), lost->message(), "lab " + lab.name() + " was taken down again"));
  }
  return !lost;
}

int stay_up(const Session& session, supervisor::LaunchedLab& lab,
            std::chrono::steady_clock::time_point deadline, bool waits, const Output& output) {
  // A Ctrl-C just before this line ends us, and with us the lab that was not committed.
  const StopRequests stop_requests;
  const Boot boot = waits ? wait_until_ready(session, lab, deadline) : Boot{lab.status(), std::nullopt};
  const SignalFd signals(kEndSignals);
  if (const int number = StopRequests::number(); number != 0) {
    session.note("taking lab " + lab.name() + " down");
    lab.take_down();
    return code_of_signal(number);
  }
  print_up(session, boot, output);
  if (!is_told(session, lab)) {
    return report::kNotWritten;
  }
  tell_what_is_left(session, boot);
  return stay(session, lab, signals);
}

int leave_up(const Session& session, supervisor::LaunchedLab& lab,
             std::chrono::steady_clock::time_point deadline, bool waits, const Output& output) {
  lab.commit();
  if (!waits) {
    print_up(session, {lab.status(), std::nullopt}, output);
    return is_told(session, lab) ? report::kPassed : report::kNotWritten;
  }
  const StopRequests stop_requests;
  const Boot boot = wait_until_ready(session, lab, deadline);
  print_up(session, boot, output);
  if (!is_told(session, lab)) {
    return report::kNotWritten;
  }
  if (const int number = StopRequests::number(); number != 0) {
    session.note("interrupted: lab " + lab.name() + " is up, but not every pod was ready yet");
    return code_of_signal(number);
  }
  return tell_what_is_left(session, boot) ? report::kPassed : report::kAssertionFailed;
}

int run_up(const Session& session, const UpOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  BootInput input = read_boot_input(
      session, options.paths.all(),
      {options.strict, options.ns, model::host_programs_named(options.host_programs), options.remote_store});
  if (options.dry_run) {
    session.lines(lab::describe_plan(input.cluster, input.objects));
    return report::kPassed;
  }
  refuse_errors(session, images::find_images(input.cluster, images::Effort::Unpack));
  const supervisor::LaunchOptions launch{.lab = input.lab,
                                         .cluster = std::move(input.cluster),
                                         .objects = std::move(input.objects),
                                         .timeout = parse_flag_duration("--timeout", options.timeout)};
  const auto deadline = std::chrono::steady_clock::now() + launch.timeout;
  const Output output{format, std::move(input.warnings)};
  try {
    supervisor::LaunchedLab lab = supervisor::launch(launch);
    return options.foreground ? stay_up(session, lab, deadline, options.wait, output)
                              : leave_up(session, lab, deadline, options.wait, output);
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
       .about =
           "Returns when every pod is ready and every Job complete; the lab lives in the background until\n"
           "`labctl down`. What is not ready in time, or will not be without a change, is told with its\n"
           "reasons: then the code is 1, and the lab stays up. A Ctrl-C in that wait leaves it up, too.\n"
           "Its name is that of -n, else of the Cluster in the files, else of the file or folder.\n"
           "Needs no root. When the boot fails, nothing is left behind."},
      [options](const Session& session) { return run_up(session, *options); });
  add_path_flags(*verb, options->paths, "Files, folders or - for standard input");
  add_file_namespace_flag(*verb, options->ns);
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
  verb->add_flag("--wait,!--no-wait", options->wait, "Wait until every pod is ready; --wait=false does not")
      ->default_str("true");
  verb->add_option(
          "--timeout", options->timeout,
          "At most this long: a lab that is not built by then is taken down, pods that are not ready\n"
          "are told of")
      ->type_name("DURATION")
      ->capture_default_str();
  verb->add_flag("--strict", options->strict,
                 "Refuse files with kinds or fields that labctl does not act on");
  add_host_programs_flag(*verb, options->host_programs);
  add_remote_store_flag(*verb, options->remote_store);
  verb->add_flag("--dry-run", options->dry_run, "Print the plan, make nothing");
  verb->add_flag("--foreground", options->foreground, "Stay; the lab ends with this command");
}

}  // namespace labctl::commands
