#include "labctl/scenario/discovery.hpp"
#include "labctl/images/image_rules.hpp"

#include "labctl/scenario/expansion.hpp"
#include "labctl/scenario/reference_check.hpp"
#include "topology/base/error.hpp"
#include "topology/manifest/decode_cluster.hpp"
#include "topology/manifest/default_namespace.hpp"
#include "topology/manifest/host_program_check.hpp"
#include "topology/manifest/identities.hpp"
#include "topology/manifest/kinds/cluster_reader.hpp"
#include "topology/manifest/yaml/source.hpp"
#include "topology/manifest/yaml/text_format.hpp"
#include "topology/model/pod_capacity.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFileName = "scenario.yaml";

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error(ErrorKind::NotFound, path.string() + ": no such file or folder");
  }
  return fs::is_directory(path) ? scenario_files_below(path) : std::vector<fs::path>{path};
}

void add(std::vector<Diagnostic>& all, std::vector<Diagnostic> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// A path that a document names, and where it does: "/spec/apply/0".
struct NamedPath {
  std::string pointer;
  std::string path;
};

// A text or a list of texts; of an unsound document what is neither is passed over.
std::vector<NamedPath> paths_at(const json& parent, const char* field, const std::string& pointer) {
  std::vector<NamedPath> paths;
  if (!parent.is_object() || !parent.contains(field)) {
    return paths;
  }
  const json& value = parent[field];
  const std::string here = pointer + "/" + field;
  if (value.is_string()) {
    paths.push_back({here, value.get<std::string>()});
  }
  for (size_t i = 0; value.is_array() && i < value.size(); ++i) {
    if (value[i].is_string()) {
      paths.push_back({here + "/" + std::to_string(i), value[i].get<std::string>()});
    }
  }
  return paths;
}

// A step's apply is the paths, or a mapping that has them under files.
std::vector<NamedPath> applied_by(const json& step, const std::string& pointer) {
  if (step.is_object() && step.contains("apply") && step["apply"].is_object()) {
    return paths_at(step["apply"], "files", pointer + "/apply");
  }
  return paths_at(step, "apply", pointer);
}

// Of a scenario, or of the apply of a step; an unsound document may say anything.
std::string namespace_in(const json& parent) {
  const auto found = parent.is_object() ? parent.find("namespace") : parent.end();
  const bool is_text = parent.is_object() && found != parent.end() && found->is_string();
  return is_text && !manifest::check_dns_label(found->get<std::string>()) ? found->get<std::string>() : "";
}

bool has_variable(const std::string& text) { return text.find("${") != std::string::npos; }

bool is_file_name(const std::string& text) {
  return text.ends_with(".yaml") || text.ends_with(".yml") || text.ends_with(".json") || text.ends_with('/');
}

// One Scenario document with the files it names, read and checked.
class Completion {
 public:
  Completion(manifest::Object document, fs::path folder, bool is_sound, const DiscoverOptions& options,
             Discovered& found)
      : is_sound_(is_sound), options_(options), found_(found) {
    scenario_.name = document.name;
    scenario_.document = std::move(document);
    scenario_.folder = std::move(folder);
  }

  void run() {
    read_lab();
    read_steps();
    check_programs();
    ReferenceCheck check{scenario_, step_objects_, is_cluster_known_, are_objects_known_};
    add(found_.diagnostics, check_references(check));
    if (!is_sound_) {
      return;
    }
    const json vars = spec().value("vars", json::object());
    for (const auto& [name, value] : vars.items()) {
      scenario_.variables[name] = text_of(value);
    }
    try {
      for (Scenario& one : expand_scenario(scenario_)) {
        one.cluster.host_programs = options_.host_programs.value_or(one.cluster.host_programs);
        found_.scenarios.push_back(std::move(one));
      }
    } catch (const Error& error) {
      complain("/spec/expand", error.message(), error.hint());
    }
  }

 private:
  const json& spec() const {
    static const json kNothing = json::object();
    const auto found = scenario_.document.json.find("spec");
    return found != scenario_.document.json.end() && found->is_object() ? *found : kNothing;
  }

  void complain(const std::string& pointer, std::string message, std::string hint) {
    found_.diagnostics.push_back(
        diagnostic_at(scenario_.document, pointer, Severity::Error, std::move(message), std::move(hint)));
  }

  // What can be read of the paths; each that cannot is an error where it is named.
  std::vector<manifest::Source> read(const std::vector<NamedPath>& paths) {
    std::vector<manifest::Source> sources;
    for (const NamedPath& named : paths) {
      try {
        for (manifest::Source& source : manifest::read_sources({(scenario_.folder / named.path).string()})) {
          found_.files.push_back(source.name);
          sources.push_back(std::move(source));
        }
      } catch (const Error& error) {
        are_objects_known_ = false;
        complain(named.pointer, error.message(),
                 error.hint().empty() ? "paths are relative to the scenario's file" : error.hint());
      }
    }
    return sources;
  }

  manifest::Loaded load(const std::vector<manifest::Source>& sources, const manifest::LoadOptions& options) {
    manifest::Loaded loaded = manifest::load(sources, options);
    manifest::add_missing_namespace(loaded, options);
    are_objects_known_ = are_objects_known_ && !has_errors(loaded.diagnostics);
    found_.objects += loaded.objects.size();
    add(found_.diagnostics, std::move(loaded.diagnostics));
    return loaded;
  }

  void know_nodes(manifest::LoadOptions& options) const {
    options.allow_cluster = false;
    for (const model::Node& node : scenario_.cluster.nodes) {
      options.known_nodes.insert(node.name);
    }
    options.known_network = scenario_.cluster.network;
    options.known_dns = scenario_.cluster.dns.enabled;
    options.known_pod_capacity = model::pod_capacity(scenario_.cluster);
    options.known_host_programs = model::host_programs_of(scenario_.cluster);
  }

  // Steps that run programs of the host, and the images of a Cluster that stands in the scenario.
  void check_programs() {
    if (!is_sound_) {
      return;
    }
    const manifest::HostProgramRules rules = manifest::host_program_rules(
        model::host_programs_of(scenario_.cluster), options_.host_programs, options_.tells_host_programs);
    const json& steps = spec()["steps"];
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].contains("exec")) {
        say_program(manifest::check_host_program(rules, steps[i]["exec"]["command"]), rules.tells,
                    "/spec/steps/" + std::to_string(i) + "/exec", "exec");
      }
    }
    const auto cluster = spec().find("cluster");
    if (cluster == spec().end() || !cluster->is_object() || !cluster->contains("images")) {
      return;
    }
    const json& images = cluster->at("images");
    for (size_t i = 0; i < images.size(); ++i) {
      if (images[i].contains("archive")) {
        continue;  // its programs are its own
      }
      say_program(manifest::check_image_rules(rules), rules.tells,
                  "/spec/cluster/images/" + std::to_string(i), "images");
    }
  }

  void say_program(const std::optional<manifest::Complaint>& complaint, bool tells,
                   const std::string& pointer, const char* subject) {
    if (complaint) {
      complain(pointer, complaint->message, complaint->hint);
    } else if (tells) {
      Diagnostic told =
          diagnostic_at(scenario_.document, pointer, Severity::Warning, manifest::kRunsHostProgram, {});
      told.topic = Topic::HostProgram;
      told.subject = subject;
      found_.diagnostics.push_back(std::move(told));
    }
  }

  // Whether steps make or change objects: then the lab of the start says little of what selects and names what.
  bool brings_more_later() const {
    const auto steps = spec().find("steps");
    return steps != spec().end() && steps->is_array() &&
           std::any_of(steps->begin(), steps->end(),
                       [](const json& step) { return step.contains("apply") || step.contains("patch"); });
  }

  // The cluster and the manifests that are there from the start.
  void read_lab() {
    const std::string& name = scenario_.document.name;
    manifest::LoadOptions options;
    options.strict = options_.strict;
    options.default_name = name;
    options.keeps_applied = true;
    options.host_programs = options_.host_programs;
    options.allows_remote_store = options_.allows_remote_store;
    options.tells_host_programs = options_.tells_host_programs;
    options.is_whole = !brings_more_later();
    manifest::ask_for_namespace(options, namespace_in(spec()));
    const auto cluster = spec().find("cluster");
    const bool is_inline = cluster != spec().end() && !cluster->is_string();
    if (is_inline) {
      decode_inline(*cluster);
      know_nodes(options);
    }
    const bool is_named = cluster != spec().end() && cluster->is_string();
    std::vector<NamedPath> paths;
    if (is_named) {
      paths.push_back({"/spec/cluster", cluster->get<std::string>()});
    }
    for (NamedPath& path : paths_at(spec(), "apply", "/spec")) {
      paths.push_back(std::move(path));
    }
    const bool was_readable = are_objects_known_;
    manifest::Loaded loaded = load(read(paths), options);
    if (!is_inline) {
      const bool is_whole = was_readable && are_objects_known_;
      if (is_named && is_whole && !loaded.cluster) {
        complain("/spec/cluster", "there is no Cluster in " + cluster->get<std::string>(),
                 "the file needs a document with kind: Cluster");
      }
      is_cluster_known_ = is_whole;
      scenario_.cluster = manifest::cluster_or_default(loaded, name);
      scenario_.cluster_spec = loaded.cluster_spec;
    }
    scenario_.objects = std::move(loaded.objects);
    look_for_images(is_inline);
  }

  // Archives that are missing are said now; what is expanded from the scenario finds them wherever it is.
  void look_for_images(bool is_inline) {
    for (Diagnostic& mistake :
         images::find_images(scenario_.cluster, images::Effort::Look, scenario_.folder)) {
      if (is_inline) {
        complain("/spec/cluster", mistake.path + ": " + mistake.message, mistake.hint);
      } else {
        found_.diagnostics.push_back(std::move(mistake));
      }
    }
    for (size_t i = 0; i < scenario_.cluster.images.size(); ++i) {
      if (const std::string& archive = scenario_.cluster.images[i].archive; !archive.empty()) {
        scenario_.cluster_spec["images"][i]["archive"] = archive;
      }
    }
  }

  void decode_inline(const json& cluster) {
    try {
      scenario_.cluster = manifest::decode_cluster(cluster, scenario_.document.name);
      scenario_.cluster_spec = cluster;
      const auto far = manifest::check_store_is_here(scenario_.cluster.store);
      if (far && !options_.allows_remote_store) {
        complain("/spec/cluster/store", far->message, far->hint);
      }
    } catch (const Error&) {
      is_cluster_known_ = false;
      if (is_sound_) {
        throw;
      }
    }
  }

  // The files that steps apply and delete, each step's as it would be applied to the lab of that moment.
  void read_steps() {
    manifest::LoadOptions options;
    options.strict = options_.strict;
    options.host_programs = options_.host_programs;
    options.tells_host_programs = options_.tells_host_programs;
    if (is_cluster_known_) {
      know_nodes(options);
    }
    options.allow_cluster = false;
    manifest::ask_for_namespace(options, namespace_in(spec()));
    options.leaves_out_made = false;
    remember_namespaces(scenario_.objects, options);
    const auto steps = spec().find("steps");
    for (size_t i = 0; steps != spec().end() && steps->is_array() && i < steps->size(); ++i) {
      const json& step = (*steps)[i];
      const std::string pointer = "/spec/steps/" + std::to_string(i);
      std::vector<NamedPath> applied = applied_by(step, pointer);
      std::vector<NamedPath> deleted = paths_at(step, "delete", pointer);
      // What a variable will name is known when the step runs.
      are_objects_known_ =
          std::erase_if(applied, [](const NamedPath& named) { return has_variable(named.path); }) == 0 &&
          are_objects_known_;
      std::erase_if(deleted, [](const NamedPath& named) {
        return has_variable(named.path) || !is_file_name(named.path);
      });
      if (!applied.empty()) {
        manifest::LoadOptions own = options;
        manifest::ask_for_namespace(own, namespace_in(step["apply"]));
        manifest::Loaded loaded = load(read(applied), own);
        remember_namespaces(loaded.objects, options);
        std::move(loaded.objects.begin(), loaded.objects.end(), std::back_inserter(step_objects_));
      }
      if (!deleted.empty()) {
        add(found_.diagnostics, manifest::read_identities(read(deleted), namespace_in(spec())).diagnostics);
      }
    }
  }

  static void remember_namespaces(const std::vector<manifest::Object>& objects,
                                  manifest::LoadOptions& options) {
    for (const manifest::Object& object : objects) {
      if (object.kind == "Namespace") {
        options.known_namespaces.insert(object.name);
      }
    }
  }

  const bool is_sound_;
  const DiscoverOptions& options_;
  Discovered& found_;
  Scenario scenario_;
  std::vector<manifest::Object> step_objects_;
  bool is_cluster_known_ = true;
  bool are_objects_known_ = true;
};

// Reports and reruns tell scenarios by their names.
void refuse_namesakes(Discovered& found) {
  std::map<std::string, SourcePosition> first;
  for (const Scenario& scenario : found.scenarios) {
    const SourcePosition& where = scenario.document.where;
    const auto [known, is_new] = first.emplace(scenario.name, where);
    if (!is_new) {
      found.diagnostics.push_back(
          {Severity::Error, where, "metadata.name", "a second scenario named \"" + scenario.name + "\"",
           "the first is in " + known->second.file + ":" + std::to_string(known->second.line) +
               "; results need a name for each"});
    }
  }
}

// By file in the order of first mention, line and column. A file that several
// steps or scenarios name is told of once.
void tidy(std::vector<Diagnostic>& diagnostics) {
  std::map<std::string, size_t> places;
  for (const Diagnostic& one : diagnostics) {
    places.try_emplace(one.where.file, places.size());
  }
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& a, const Diagnostic& b) {
    return std::tuple(places[a.where.file], a.where.line, a.where.column) <
           std::tuple(places[b.where.file], b.where.line, b.where.column);
  });
  std::set<std::tuple<std::string, int, int, std::string>> seen;
  std::erase_if(diagnostics, [&](const Diagnostic& one) {
    return !seen.emplace(one.where.file, one.where.line, one.where.column, one.message).second;
  });
}

}  // namespace

std::vector<fs::path> scenario_files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code unreadable;
    if (is_scenario_file(entry->path()) && entry->is_regular_file(unreadable)) {
      files.push_back(entry->path());
    }
  }
  if (error) {
    throw Error(ErrorKind::InvalidInput, "read " + folder.string() + ": " + error.message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

report::ScenarioResult heading_of(const Scenario& scenario) {
  report::ScenarioResult result;
  result.name = scenario.name;
  result.file = scenario.document.where.file;
  const json labels = scenario.document.json["metadata"].value("labels", json::object());
  for (const auto& [key, value] : labels.items()) {
    result.labels[key] = text_of(value);
  }
  return result;
}

fs::path place_of(const fs::path& path) {
  std::error_code none;
  fs::path place = fs::weakly_canonical(path, none);
  return none ? path : place;
}

bool is_scenario_file(const fs::path& file) { return file.filename() == kFileName; }

bool holds_scenario(const manifest::Source& source) {
  // Most files that are no scenario never say the word, and need not be read for that.
  if (source.text.find("Scenario") == std::string::npos) {
    return false;
  }
  const manifest::Loaded loaded = manifest::load({source}, {});
  return !loaded.unsound_scenarios.empty() ||
         std::any_of(loaded.scenarios.begin(), loaded.scenarios.end(),
                     [](const manifest::Object& object) { return object.kind == "Scenario"; });
}

Discovered discover(const std::vector<std::string>& paths, const DiscoverOptions& options) {
  Discovered found;
  std::set<fs::path> seen;
  manifest::LoadOptions load;
  load.strict = options.strict;
  load.known_variables = options.variables;
  load.host_programs = options.host_programs;
  load.allows_remote_store = options.allows_remote_store;
  for (const std::string& path : paths) {
    for (const fs::path& file : files_of(path)) {
      if (!seen.insert(place_of(file)).second) {
        continue;
      }
      manifest::Loaded loaded = manifest::load(manifest::read_sources({file.string()}), load);
      found.files.push_back(file.string());
      found.objects += loaded.objects.size();
      add(found.diagnostics, std::move(loaded.diagnostics));
      for (manifest::Object& document : loaded.scenarios) {
        if (document.kind == "Scenario") {
          Completion(std::move(document), file.parent_path(), true, options, found).run();
        }
      }
      for (manifest::Object& document : loaded.unsound_scenarios) {
        Completion(std::move(document), file.parent_path(), false, options, found).run();
      }
    }
  }
  refuse_namesakes(found);
  tidy(found.diagnostics);
  std::sort(found.files.begin(), found.files.end());
  found.files.erase(std::unique(found.files.begin(), found.files.end()), found.files.end());
  return found;
}

}  // namespace labctl::scenario
