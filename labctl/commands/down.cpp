#include "labctl/commands/commands.hpp"
#include "labctl/commands/exit_code.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/duration.hpp"
#include "topology/base/unique_fd.hpp"

#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct DownOptions {
  std::vector<std::string> names;
  bool all = false;
  bool ignore_not_found = false;
  std::string timeout = "30s";
};

// Waits until the lab's folder is gone: its keeper removes it last. False after the timeout.
bool wait_until_gone(const std::filesystem::path& folder, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  ::inotify_add_watch(watch.get(), folder.c_str(), IN_DELETE_SELF);
  std::error_code ignored;
  while (std::filesystem::exists(folder, ignored)) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd entry{.fd = watch.get(), .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) == 0) {
      return false;
    }
    char events[4096];
    [[maybe_unused]] const ssize_t got = ::read(watch.get(), events, sizeof events);
  }
  return true;
}

// Asks one lab to end and waits. Throws Error NotFound when it is not up, Timeout.
void take_down(const Session& session, const std::string& lab, std::chrono::milliseconds timeout) {
  const std::vector<supervisor::LabEntry> labs = supervisor::list_labs();
  const auto entry = std::find_if(labs.begin(), labs.end(), [&](const auto& one) { return one.name == lab; });
  if (entry == labs.end()) {
    throw Error(ErrorKind::NotFound, "lab \"" + lab + "\" is not up", "`labctl ls` shows the labs that are");
  }
  if (!entry->is_alive) {
    supervisor::sweep();
    session.out() << "lab " << lab << " had been killed; its folder is removed\n";
    return;
  }
  api::Client client(supervisor::socket_path(lab), timeout);
  try {
    client.post("/lab/v1/shutdown", "");
  } catch (const Error& error) {
    // Ended between the look and the request: that is what was wanted.
    if (error.kind() != ErrorKind::NotFound && error.kind() != ErrorKind::Kernel) {
      throw;
    }
  }
  if (!wait_until_gone(supervisor::lab_directory(lab), timeout)) {
    throw Error(ErrorKind::Timeout,
                "lab \"" + lab + "\": still ending after " + to_string(std::chrono::microseconds(timeout)),
                "`labctl gc` removes what a killed lab left");
  }
  session.out() << "lab " << lab << " is down\n";
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
  int code = kPassed;
  for (const std::string& name : names) {
    try {
      take_down(session, name, timeout);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::NotFound && options.ignore_not_found) {
        continue;
      }
      session.error(error);
      code = exit_code(error.kind()) == kTimedOut ? kLeftBehind : exit_code(error.kind());
    }
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
       .about = "Waits until the lab's processes have ended. The kernel frees its namespaces with them."},
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
