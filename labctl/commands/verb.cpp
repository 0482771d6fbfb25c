#include "labctl/commands/verb.hpp"

#include "topology/base/nearest.hpp"
#include "topology/model/host_programs.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace labctl::commands {
namespace {

constexpr std::string_view kGroups[] = {"Labs", "Objects in a lab", "The network", "Tests and checks",
                                        "Other"};

std::string upper_snake(std::string text) {
  for (char& c : text) {
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return text;
}

// "N" of "N:INT in [1 - 10]": CLI11 appends what a validator accepts.
std::string value_name(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

// "-f, --filename PATH": as far as the option has them.
std::string flag_names(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) {
    names += (names.empty() ? "-" : ", -") + name;
  }
  if (names.empty()) {
    names = "    ";
  } else if (!option.get_lnames().empty()) {
    names += ", ";
  }
  bool first = true;
  for (const std::string& name : option.get_lnames()) {
    names += (first ? "--" : ", --") + name;
    first = false;
  }
  const std::string value = value_name(option);
  if (option.get_expected_max() > 0 && !value.empty()) {
    names += " " + value;
  }
  return names;
}

// Two columns: names, and texts wrapped to what is left of 100 columns.
void print_rows(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& rows) {
  constexpr size_t kLine = 100;
  constexpr size_t kWidest = 30;
  size_t width = 0;
  for (const auto& [name, text] : rows) {
    width = std::max(width, std::min(name.size(), kWidest));
  }
  for (const auto& [name, text] : rows) {
    std::string line = "  " + name;
    const std::string indent(width + 4, ' ');
    if (name.size() > width) {
      out << line << '\n';
      line = indent;
    } else {
      line.append(width - name.size() + 2, ' ');
    }
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      if (line.size() > indent.size() && line.size() + word.size() + 1 > kLine) {
        out << line << '\n';
        line = indent;
      }
      line += (line.size() > indent.size() ? " " : "") + word;
    }
    out << line << '\n';
  }
}

void print_flags(std::ostream& out, const CLI::App& app, const char* heading) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || option->get_group().empty()) {
      continue;
    }
    std::string text = option->get_description();
    if (!option->get_default_str().empty() && option->get_expected_max() > 0) {
      text += " (default " + option->get_default_str() + ")";
    }
    rows.emplace_back(flag_names(*option), text);
  }
  if (!rows.empty()) {
    out << '\n' << heading << ":\n";
    print_rows(out, rows);
  }
}

std::string root_help(const CLI::App& root) {
  std::ostringstream out;
  out << "Examples:\n"
         "  labctl up lab.yaml                     # boot a lab\n"
         "  labctl get pods -o wide                # look at it\n"
         "  labctl probe client web-0:80           # ask the network\n"
         "  labctl exec client -- ip route         # look around in a pod\n"
         "  labctl down                            # nothing is left behind\n\n"
      << root.get_description() << "\n\nUsage: labctl COMMAND [FLAGS]\n";
  for (const std::string_view group : kGroups) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const CLI::App* verb : root.get_subcommands([](const CLI::App*) { return true; })) {
      if (verb->get_group() == group) {
        // The list shows the first line of a description: its summary.
        rows.emplace_back(verb->get_name(),
                          verb->get_description().substr(0, verb->get_description().find('\n')));
      }
    }
    out << '\n' << group << ":\n";
    print_rows(out, rows);
  }
  print_flags(out, root, "Global flags");
  out << "\n`labctl COMMAND --help` shows examples and flags of a command. stdout is data, stderr is talk.\n"
         "Exit codes: 0 passed, 1 an assertion failed, 2 usage or input, 3 this host cannot run labs, 4 "
         "nothing\n"
         "matched, 5 the lab could not be built, 6 something was left behind, 124 time limit, 130 and 143 "
         "interrupted.\n";
  return out.str();
}

std::string verb_help(const CLI::App& verb, const CLI::App& root) {
  std::ostringstream out;
  const std::string examples = verb.get_footer();
  if (!examples.empty()) {
    out << "Examples:\n" << examples << '\n';
  }
  const std::string about = verb.get_description();
  const size_t line_end = about.find('\n');
  out << about.substr(0, line_end) << '\n';
  if (line_end != std::string::npos) {
    out << '\n' << about.substr(line_end + 1) << '\n';
  }
  out << "\nUsage: labctl " << verb.get_name() << " [FLAGS]";
  std::vector<std::pair<std::string, std::string>> arguments;
  for (const CLI::Option* option : verb.get_options()) {
    if (!option->get_positional()) {
      continue;
    }
    // Arguments with names of their own ("FROM TO") are as many as the names;
    // those of exec follow its dashes.
    const std::string word = value_name(*option);
    const bool many = option->get_expected_max() > 1 && word.find(' ') == std::string::npos;
    const std::string name = word + (many ? "..." : "");
    // What follows is another program's: its flags are not for us to read.
    out << (word == "COMMAND" ? " --" : "") << ' ' << (option->get_required() ? name : "[" + name + "]");
    arguments.emplace_back(name, option->get_description());
  }
  out << '\n';
  if (!arguments.empty()) {
    out << "\nArguments:\n";
    print_rows(out, arguments);
  }
  print_flags(out, verb, "Flags");
  print_flags(out, root, "Global flags");
  out << "\nEach flag may also come from the environment: LABCTL_" << upper_snake(verb.get_name())
      << "_<FLAG>, global ones LABCTL_<FLAG>.\n";
  return out.str();
}

const CLI::App& chosen_verb(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : *chosen.front();
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

std::string nearest_of(std::string_view word, const std::vector<std::string>& words) {
  const std::vector<std::string_view> views(words.begin(), words.end());
  return nearest(word, views);
}

}  // namespace

CLI::App* add_verb(CLI::App& app, Globals& globals, const VerbText& text,
                   std::function<int(const Session&)> action) {
  CLI::App* verb =
      app.add_subcommand(text.name, text.summary + (text.about.empty() ? "" : "\n" + text.about));
  verb->group(text.group);
  verb->footer(text.examples);
  verb->fallthrough();
  verb->set_help_flag("-h,--help", "This text");
  verb->final_callback([&globals, action = std::move(action)] {
    globals.action = [&globals, action] { return action(Session(globals)); };
  });
  return verb;
}

CLI::Option* add_output_flag(CLI::App& verb, std::string& value, const std::string& words) {
  return verb.add_option("-o,--output", value, "What to print: " + words)
      ->type_name("FORMAT")
      ->capture_default_str();
}

void add_namespace_flags(CLI::App& verb, std::string& ns, bool* every) {
  verb.add_option("-N,--namespace", ns, "The namespace; \"default\" if none is named (-n is the lab)")
      ->type_name("NAMESPACE");
  if (every != nullptr) {
    verb.add_flag("-A,--all-namespaces", *every, "Every namespace");
  }
}

void add_file_namespace_flag(CLI::App& verb, std::string& ns) {
  verb.add_option(
          "-N,--namespace", ns,
          "The namespace of objects that name none; those that name another are refused (-n is the lab)")
      ->type_name("NAMESPACE");
}

std::vector<std::string> Paths::all() const {
  std::vector<std::string> out = arguments;
  out.insert(out.end(), flags.begin(), flags.end());
  return out;
}

void add_path_flags(CLI::App& verb, Paths& paths, const std::string& what) {
  verb.add_option("PATH", paths.arguments, what)->type_name("PATH");
  verb.add_option("-f,--filename", paths.flags, "The same, as kubectl has it; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
}

void add_host_programs_flag(CLI::App& verb, std::string& word) {
  verb.add_option("--host-programs", word,
                  "Programs of this host that may run, whatever the Cluster says: none, listed (in the\n"
                  "Cluster) or all")
      ->check(CLI::IsMember(
          std::vector<std::string>(model::kHostProgramWords.begin(), model::kHostProgramWords.end())))
      ->type_name("WHICH");
}

void add_remote_store_flag(CLI::App& verb, bool& value) {
  verb.add_flag("--remote-store", value,
                "The Cluster's store may be on another machine: it is asked from this host's network");
}

void add_set_flag(CLI::App& verb, std::vector<std::string>& entries) {
  verb.add_option("--set", entries, "Give a value that scenarios may use; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

std::map<std::string, std::string> settings_of(const std::vector<std::string>& entries) {
  std::map<std::string, std::string> settings;
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw Error(ErrorKind::InvalidInput, "--set " + entry + ": not of the form NAME=VALUE");
    }
    settings[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return settings;
}

void name_environment(CLI::App& app) {
  const auto name_all = [](CLI::App& part, const std::string& prefix) {
    for (CLI::Option* option : part.get_options()) {
      if (!option->get_lnames().empty() && option->get_lnames().front() != "help") {
        option->envname(prefix + upper_snake(option->get_lnames().front()));
      }
    }
  };
  name_all(app, "LABCTL_");
  for (CLI::App* verb : app.get_subcommands([](CLI::App*) { return true; })) {
    name_all(*verb, "LABCTL_" + upper_snake(verb->get_name()) + "_");
  }
}

std::string help_text(const CLI::App& app, const CLI::App& root) {
  return &app == &root ? root_help(root) : verb_help(app, root);
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& verb = chosen_verb(app);
  const bool is_root = &verb == &app;
  const std::string help = is_root ? "`labctl --help` lists the commands"
                                   : "`labctl " + verb.get_name() + " --help` shows examples and flags";
  std::vector<std::string> left = app.remaining(true);
  // CLI11 looks for what is missing first; a mistyped flag is the mistake that was made.
  const auto flag_at = std::find_if(left.begin(), left.end(), [](const std::string& word) {
    return word.size() > 1 && word.front() == '-' && word != "--";
  });
  if (flag_at != left.end()) {
    std::rotate(left.begin(), flag_at, left.end());
  } else if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || left.empty()) {
    return Error(ErrorKind::InvalidInput, error.what(), help);
  }
  const std::string& word = left.front();
  if (word.starts_with("-")) {
    std::vector<std::string> flags = flags_of(verb);
    if (!is_root) {
      const std::vector<std::string> global = flags_of(app);
      flags.insert(flags.end(), global.begin(), global.end());
    }
    const std::string flag = word.substr(0, word.find('='));
    const std::string near = word.starts_with("--") ? nearest_of(flag, flags) : "";
    if (verb.get_name() == "exec") {
      return Error(ErrorKind::InvalidInput, "unknown flag " + flag,
                   "flags of the command stand behind --, as in exec POD -- ls -l");
    }
    return Error(ErrorKind::InvalidInput, "unknown flag " + flag,
                 near.empty() ? help : "did you mean " + near + "?");
  }
  if (!is_root) {
    return Error(ErrorKind::InvalidInput, verb.get_name() + ": one argument too many: \"" + word + "\"",
                 help);
  }
  std::vector<std::string> verbs;
  for (const CLI::App* known : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!known->get_group().empty()) {
      verbs.push_back(known->get_name());
    }
  }
  // What hands used to other tools type.
  constexpr std::pair<const char*, const char*> kElsewhere[] = {
      {"deploy", "up"}, {"create", "up"},      {"start", "up"},   {"destroy", "down"},  {"stop", "down"},
      {"list", "ls"},   {"inspect", "status"}, {"rm", "delete"},  {"validate", "lint"}, {"sh", "exec"},
      {"log", "logs"},  {"ps", "get pods"},    {"check", "test"}, {"run", "up"},        {"ping", "probe"}};
  std::string near;
  for (const auto& [other, ours] : kElsewhere) {
    if (word == other) {
      near = ours;
    }
  }
  if (near.empty()) {
    near = nearest_of(word, verbs);
  }
  return Error(ErrorKind::InvalidInput, "unknown command \"" + word + "\"",
               near.empty() ? help : "did you mean `labctl " + near + "`?");
}

}  // namespace labctl::commands
