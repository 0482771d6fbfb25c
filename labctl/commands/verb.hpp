#pragma once

// How commands are put on the command line: one way, so that help, environment and errors are alike for all.

#include "labctl/commands/session.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace labctl::commands {

// What help says of a command: `summary` is one line for the list, `about` the text below the examples.
struct VerbText {
  std::string name;
  std::string group;  // the heading it stands under in `labctl --help`
  std::string summary;
  std::string examples;  // lines ready to print
  std::string about;
};

// Adds the command; `action` runs when it was chosen, after parsing.
CLI::App* add_verb(CLI::App& app, Globals& globals, const VerbText& text,
                   std::function<int(const Session&)> action);

// -o, with its allowed words in the help.
CLI::Option* add_output_flag(CLI::App& verb, std::string& value, const std::string& words);
// -N and, for `every`, -A.
void add_namespace_flags(CLI::App& verb, std::string& ns, bool* every = nullptr);
// -N of commands that read files; stays empty when it is not given.
void add_file_namespace_flag(CLI::App& verb, std::string& ns);
// Files and folders, given as arguments or with -f.
struct Paths {
  std::vector<std::string> arguments;
  std::vector<std::string> flags;
  std::vector<std::string> all() const;
};
void add_path_flags(CLI::App& verb, Paths& paths, const std::string& what);

// --host-programs, for model::host_programs_named(); empty when it is not given.
void add_host_programs_flag(CLI::App& verb, std::string& word);

// --remote-store: the store of a Cluster may be on another machine.
void add_remote_store_flag(CLI::App& verb, bool& value);

// --set NAME=VALUE, repeated.
void add_set_flag(CLI::App& verb, std::vector<std::string>& entries);
// What it says. Throws Error InvalidInput for an entry of another form.
std::map<std::string, std::string> settings_of(const std::vector<std::string>& entries);

// Gives each flag of each command its variable: LABCTL_<COMMAND>_<FLAG>; global flags LABCTL_<FLAG>. Call
// once all commands are there.
void name_environment(CLI::App& app);

// The help of the program or of one command.
std::string help_text(const CLI::App& app, const CLI::App& root);

// A parse error of CLI11 as one of ours, with a hint: "did you mean", or where the help is.
Error usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace labctl::commands
