#include "labctl/api/exec_session.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"

#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace labctl::commands {
namespace {

struct ExecOptions {
  std::string vantage;
  std::vector<std::string> command;
  std::string ns = "default";
  std::string container;
  std::vector<std::string> env;
  bool stdin_given = false;
  bool tty = false;
  bool no_tty = false;
};

// A terminal of its own when ours is one on both sides: then editors and job
// control work, and pipes stay clean.
bool wants_tty(const ExecOptions& options) {
  if (options.tty || options.no_tty) {
    return options.tty;
  }
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

int run_exec(const Session& session, const ExecOptions& options) {
  api::ExecRequest request;
  request.from = api::parse_vantage(options.vantage, options.ns);
  request.container = options.container;
  request.command = options.command;
  request.tty = wants_tty(options);
  for (const std::string& entry : options.env) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw Error(ErrorKind::InvalidInput, "--env " + entry + ": not of the form NAME=VALUE");
    }
    request.env[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  if (const char* term = std::getenv("TERM"); request.tty && term != nullptr) {
    request.env.emplace("TERM", term);
  }
  api::Client client = session.client();
  const api::ExecEnd end = api::run_exec(client, request);
  if (!end.error.empty()) {
    session.error(Error(ErrorKind::NotFound, end.error, end.hint));
  }
  return end.code;
}

}  // namespace

void add_exec(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "exec",
       .group = "The network",
       .summary = "Run a command in a pod, on a node or on an outside host",
       .examples = "  labctl exec client -- ip route\n"
                   "  labctl exec -N shop web-0 -c app -- cat /etc/resolv.conf\n"
                   "  labctl exec node/node-1 -- tcpdump -ni eth0\n"
                   "  labctl exec outside/client -- curl -s http://192.168.50.11:30080\n"
                   "  labctl exec client -- bash           # a shell, when on a terminal\n",
       .about =
           "The command comes from this host's files and runs in the network (and, for a pod, the mounts\n"
           "and environment) of that place. It gets this command's own stdin, stdout and stderr, signals\n"
           "are passed on, and its exit code is ours. ExecOptions stand before --."},
      [options](const Session& session) { return run_exec(session, *options); });
  verb->add_option("VANTAGE", options->vantage, "POD, pod/NAMESPACE/POD, node/NODE or outside/HOST")
      ->type_name("VANTAGE")
      ->required();
  verb->add_option("COMMAND", options->command, "What to run, with its arguments")
      ->type_name("COMMAND")
      ->required();
  add_namespace_flags(*verb, options->ns);
  verb->add_option("-c,--container", options->container, "The pod's container; its first by default")
      ->type_name("NAME");
  verb->add_option("-e,--env", options->env, "Set a variable; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  verb->add_flag("-i,--stdin", options->stdin_given, "Accepted for kubectl hands: stdin is always passed on");
  verb->add_flag("-t,--tty", options->tty, "A terminal for the command, even when ours is none");
  verb->add_flag("-T,--no-tty", options->no_tty, "No terminal, even when ours is one");
}

}  // namespace labctl::commands
