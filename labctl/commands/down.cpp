#include "labctl/commands/at_once.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/supervisor/registry.hpp"
#include "labctl/supervisor/take_down.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace labctl::commands {
namespace {

struct DownOptions {
  std::vector<std::string> names;
  bool all = false;
  bool ignore_not_found = false;
  std::string timeout = "30s";
};

// A lab's end, or why there was none.
struct Ending {
  supervisor::TakenDown end = supervisor::TakenDown::WasUp;
  std::optional<Error> failure;
};

std::vector<Ending> take_down_all(const std::vector<std::string>& names, std::chrono::milliseconds timeout) {
  std::vector<Ending> endings(names.size());
  for_each_at_once(names.size(), [&](size_t i) {
    try {
      endings[i].end = supervisor::take_down(names[i], timeout);
    } catch (const Error& error) {
      endings[i].failure = error;
    }
  });
  return endings;
}

int run_down(const Session& session, const DownOptions& options) {
  const auto timeout = parse_flag_duration("--timeout", options.timeout);
  std::vector<std::string> names = options.names;
  if (options.all) {
    for (const supervisor::LabEntry& entry : supervisor::list_labs()) {
      if (std::find(names.begin(), names.end(), entry.name) == names.end()) {
        names.push_back(entry.name);
      }
    }
    if (names.empty()) {
      session.note("no lab is up");
    }
  } else if (names.empty()) {
    names.push_back(session.named_lab().empty() ? session.lab() : session.named_lab());
  }
  // Each lab is tried, whatever becomes of the others.
  const std::vector<Ending> endings = take_down_all(names, timeout);
  int code = report::kPassed;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!endings[i].failure) {
      session.line("lab " + names[i] +
                   (endings[i].end == supervisor::TakenDown::WasUp
                        ? " is down"
                        : " had ended before; its folder is removed"));
      continue;
    }
    const Error& error = *endings[i].failure;
    const bool was_named = i < options.names.size() || !options.all;
    if (error.kind() == ErrorKind::NotFound && (options.ignore_not_found || !was_named)) {
      continue;  // with --all: it was listed, and has gone by itself or by another `down`
    }
    session.error(error);
    code = report::exit_code(error.kind()) == report::kTimedOut ? report::kLeftBehind
                                                                : report::exit_code(error.kind());
  }
  return code;
}

}  // namespace

void add_down(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<DownOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "down",
       .group = "Labs",
       .summary = "Take a lab down, without a trace",
       .examples = "  labctl down                 # the only lab that is up\n"
                   "  labctl down shop pr-7       # these two\n"
                   "  labctl down --all           # every lab of this user\n",
       .about = "Waits until the lab's processes have ended. The kernel frees its namespaces with them.\n"
                "A lab that does not answer is killed, which leaves as little behind."},
      [options](const Session& session) { return run_down(session, *options); });
  verb->add_option("LAB", options->names, "The labs; by default that of -n, or the only one")
      ->type_name("LAB");
  verb->add_flag("--all", options->all, "Every lab of this user");
  verb->add_flag("--ignore-not-found", options->ignore_not_found, "A lab that is not up is no error");
  verb->add_option("--timeout", options->timeout, "How long to wait for the lab to end")
      ->type_name("DURATION")
      ->capture_default_str();
}

}  // namespace labctl::commands
