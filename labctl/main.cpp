// labctl: options, dispatch, exit code. Everything else is in the rooms.

#include "labctl/commands/commands.hpp"
#include "labctl/commands/standard_streams.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "topology/base/error.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <optional>

namespace {

using namespace labctl;

// Errors before and after parsing read alike; a bad --color must not hide the error it came with.
int fail(commands::Globals globals, const Error& error) {
  try {
    commands::Session(globals).error(error);
  } catch (const Error&) {
    commands::Session(commands::Globals{}).error(error);
  }
  return report::exit_code(error.kind());
}

// What was printed must have arrived. That it has not is an error of its own: what was done is done.
int finish(const commands::Globals& globals, int code) {
  const std::optional<Error> lost = commands::lost_output();
  if (!lost || code == report::kNotWritten) {
    return code;
  }
  fail(globals,
       Error(lost->kind(), lost->message(), "what was asked for is done; only what it prints is lost"));
  return code == report::kPassed ? report::kNotWritten : code;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  commands::Globals globals;
  if (!commands::open_standard_streams()) {
    fail(globals, Error(ErrorKind::InvalidInput, "stdout is closed: nothing was done",
                        "to hear nothing, write it to /dev/null"));
    return report::kNotWritten;
  }
  try {
    CLI::App app("", "labctl");
    commands::add_commands(app, globals);
    try {
      app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      const auto chosen = app.get_subcommands();
      std::cout << commands::help_text(chosen.empty() ? app : *chosen.front(), app);
      return finish(globals, report::kPassed);
    } catch (const CLI::ParseError& error) {
      return fail(globals, commands::usage_error(app, error));
    }
    if (!globals.action) {
      std::cerr << commands::help_text(app, app);
      return report::kUsage;
    }
    return finish(globals, globals.action());
  } catch (const Error& error) {
    return fail(globals, error);
  } catch (const std::exception& error) {
    return fail(globals,
                Error(ErrorKind::Internal, error.what(), "this is a defect of labctl; please report it"));
  }
}
