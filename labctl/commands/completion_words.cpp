#include "labctl/commands/completion_words.hpp"

#include "labctl/api/client.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/commands/objects.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/model/place.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string_view>

namespace labctl::commands {
namespace {

// Somebody waits with a finger on the tab key.
constexpr std::chrono::milliseconds kPatience{500};

// The words before the cursor, understood as far as needed: the command, values of flags, arguments.
struct Typed {
  const CLI::App* verb = nullptr;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> values;  // "--namespace" -> "shop"
  const CLI::Option* waiting = nullptr;       // a flag whose value is being typed
  bool after_dashes = false;
};

const CLI::Option* find_flag(const CLI::App& app, const CLI::App* verb, const std::string& word) {
  for (const CLI::App* part : {verb, &app}) {
    if (part == nullptr) {
      continue;
    }
    for (const CLI::Option* option : part->get_options()) {
      if (!option->get_positional() && option->check_name(word)) {
        return option;
      }
    }
  }
  return nullptr;
}

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? std::string{} : "--" + option.get_lnames().front();
}

Typed understand(const CLI::App& app, const std::vector<std::string>& words) {
  Typed typed;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (typed.after_dashes) {
      continue;
    }
    if (typed.waiting != nullptr) {
      typed.values[long_name(*typed.waiting)] = word;
      typed.waiting = nullptr;
    } else if (word == "--") {
      typed.after_dashes = true;
    } else if (word.starts_with("-") && word.size() > 1) {
      const size_t equals = word.find('=');
      const CLI::Option* option = find_flag(app, typed.verb, word.substr(0, equals));
      if (option != nullptr && option->get_expected_max() > 0) {
        if (equals == std::string::npos) {
          typed.waiting = option;
        } else {
          typed.values[long_name(*option)] = word.substr(equals + 1);
        }
      }
    } else if (typed.verb == nullptr) {
      const auto verbs = app.get_subcommands([&](const CLI::App* verb) { return verb->get_name() == word; });
      typed.verb = verbs.empty() ? nullptr : verbs.front();
      if (typed.verb == nullptr) {
        return typed;
      }
    } else {
      typed.arguments.push_back(word);
    }
  }
  return typed;
}

std::vector<std::string> labs() {
  std::vector<std::string> names;
  for (const supervisor::LabEntry& entry : supervisor::list_labs()) {
    if (entry.is_alive) {
      names.push_back(entry.name);
    }
  }
  return names;
}

// The lab the command would use, if that is clear.
std::optional<api::Client> client_of(const Typed& typed) {
  std::string lab;
  if (const auto named = typed.values.find("--name"); named != typed.values.end()) {
    lab = named->second;
  } else if (const char* environment = std::getenv("LABCTL_NAME");
             environment != nullptr && *environment != '\0') {
    lab = environment;
  } else if (const std::vector<std::string> up = labs(); up.size() == 1) {
    lab = up.front();
  }
  if (!supervisor::valid_lab_name(lab)) {
    return std::nullopt;
  }
  return api::Client(supervisor::socket_path(lab), kPatience);
}

std::vector<std::string> names_of(const Typed& typed, const api::ResourceKind& kind,
                                  bool every_namespace = false) {
  std::optional<api::Client> client = client_of(typed);
  std::vector<std::string> names;
  if (!client) {
    return names;
  }
  const auto given = typed.values.find("--namespace");
  const std::string ns = every_namespace ? "" : given != typed.values.end() ? given->second : "default";
  for (const nlohmann::json& object : list_objects(*client, kind, kind.namespaced ? ns : "").items) {
    const std::string name = report::text(object, "/metadata/name");
    names.push_back(every_namespace ? report::text(object, "/metadata/namespace") + "/" + name : name);
  }
  return names;
}

void add_prefixed(std::vector<std::string>& out, const std::string& prefix,
                  const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    out.push_back(prefix + name);
  }
}

// Places of a lab: pods of the namespace by their name, others and all the rest in full.
void add_vantages(std::vector<std::string>& out, const Typed& typed) {
  add_prefixed(out, "", names_of(typed, *api::find_resource("pods")));
  add_prefixed(out, "pod/", names_of(typed, *api::find_resource("pods"), true));
  add_prefixed(out, "node/", names_of(typed, *api::find_resource("nodes")));
  if (std::optional<api::Client> client = client_of(typed)) {
    const nlohmann::json graph = client->get("/lab/v1/graph").json();
    for (const nlohmann::json& host : report::at(graph, "/outside")) {
      out.push_back(to_string(model::Place::outside(report::text(host, "/name"))));
    }
  }
}

void add_resources(std::vector<std::string>& out, const Typed& typed, const std::string& current) {
  if (const size_t slash = current.find('/'); slash != std::string::npos) {
    if (const api::ResourceKind* kind = api::find_resource(current.substr(0, slash))) {
      add_prefixed(out, current.substr(0, slash + 1), names_of(typed, *kind));
    }
    return;
  }
  if (typed.arguments.empty()) {
    for (const api::ResourceKind& kind : api::resource_kinds()) {
      out.push_back(std::string(kind.plural) + "\t" + std::string(kind.kind));
    }
    return;
  }
  if (const api::ResourceKind* kind = api::find_resource(typed.arguments.front())) {
    add_prefixed(out, "", names_of(typed, *kind));
  }
}

void add_flag_values(std::vector<std::string>& out, const Typed& typed) {
  const std::string name = long_name(*typed.waiting);
  const std::string type = typed.waiting->get_type_name();
  if (name == "--name") {
    add_prefixed(out, "", labs());
  } else if (name == "--namespace") {
    add_prefixed(out, "", names_of(typed, *api::find_resource("namespaces")));
  } else if (type == "VANTAGE" || type == "TARGET") {
    add_vantages(out, typed);
  } else if (name == "--color") {
    out.insert(out.end(), {"auto", "always", "never"});
  } else if (name == "--log-format") {
    out.insert(out.end(), {"text", "json"});
  } else if (type == "PROTOCOL") {
    out.insert(out.end(), {"tcp", "udp", "sctp", "icmp", "http", "dns"});
  } else if (type == "PATH" || type == "FILE") {
    out.emplace_back(":files");
  } else if (name == "--output") {
    // The words stand in the flag's own description: "What to print: table, wide or json".
    std::string word;
    const std::string text = typed.waiting->get_description();
    for (size_t i = text.find(':') + 1; i <= text.size(); ++i) {
      if (i < text.size() && text[i] != ' ' && text[i] != ',') {
        word += text[i];
      } else if (!word.empty()) {
        if (word != "or") {
          out.push_back(word);
        }
        word.clear();
      }
    }
  }
}

void add_arguments(std::vector<std::string>& out, const Typed& typed, const std::string& current) {
  const std::string verb = typed.verb->get_name();
  if (verb == "down" || (verb == "status" && typed.arguments.empty())) {
    add_prefixed(out, "", labs());
  } else if (verb == "get" || verb == "describe" || verb == "delete") {
    add_resources(out, typed, current);
    if (verb == "delete") {
      out.emplace_back(":files");
    }
  } else if (verb == "logs" && typed.arguments.empty()) {
    add_prefixed(out, "", names_of(typed, *api::find_resource("pods")));
  } else if ((verb == "exec" && typed.arguments.empty()) || (verb == "probe" && typed.arguments.size() < 2)) {
    add_vantages(out, typed);
  } else if (verb == "completion") {
    out.insert(out.end(), {"bash", "zsh", "fish"});
  } else if (verb == "images" && typed.arguments.empty()) {
    out.insert(out.end(), {"prune", "rm"});
  } else if (verb == "schema") {
    for (const manifest::Kind& kind : manifest::kinds()) {
      out.emplace_back(kind.name);
    }
  } else if (verb == "init" || verb == "up" || verb == "apply" || verb == "lint" || verb == "test") {
    out.emplace_back(":files");
  }
}

void add_flags(std::vector<std::string>& out, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (const std::string name = long_name(*option); !name.empty()) {
      out.push_back(name + "\t" + option->get_description());
    }
  }
}

std::vector<std::string> candidates(const CLI::App& app, const std::vector<std::string>& words) {
  const std::string current = words.empty() ? std::string{} : words.back();
  const Typed typed = understand(app, words);
  std::vector<std::string> out;
  if (typed.after_dashes) {
    out.emplace_back(":files");
  } else if (typed.waiting != nullptr) {
    add_flag_values(out, typed);
  } else if (current.starts_with("-")) {
    if (typed.verb != nullptr) {
      add_flags(out, *typed.verb);
    }
    add_flags(out, app);
  } else if (typed.verb == nullptr) {
    for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (!verb->get_group().empty()) {
        out.push_back(verb->get_name() + "\t" +
                      verb->get_description().substr(0, verb->get_description().find('\n')));
      }
    }
  } else {
    add_arguments(out, typed, current);
  }
  return out;
}

}  // namespace

std::vector<std::string> completion_words(const CLI::App& app,
                                          const std::vector<std::string>& words) noexcept {
  try {
    std::vector<std::string> fitting;
    const std::string current = words.empty() ? std::string{} : words.back();
    for (std::string& line : candidates(app, words)) {
      if (line == ":files" || line.starts_with(current)) {
        fitting.push_back(std::move(line));
      }
    }
    return fitting;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace labctl::commands
