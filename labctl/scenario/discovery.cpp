#include "labctl/scenario/discovery.hpp"

#include "topology/base/error.hpp"
#include "topology/manifest/decode.hpp"
#include "topology/manifest/source.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace labctl::scenario {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFileName = "scenario.yaml";

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error(ErrorKind::NotFound, path.string() + ": no such file or folder");
  }
  if (!fs::is_directory(path)) {
    return {path};
  }
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && entry.path().filename() == kFileName) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add(std::vector<Diagnostic>& all, std::vector<Diagnostic> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// The sources a scenario's lab is made of: its manifests, and the cluster's file when it names one.
std::vector<manifest::Source> lab_sources(const nlohmann::json& spec, const fs::path& folder) {
  std::vector<std::string> paths;
  if (const auto cluster = spec.find("cluster"); cluster != spec.end() && cluster->is_string()) {
    paths.push_back((folder / cluster->get<std::string>()).string());
  }
  for (const nlohmann::json& path : spec.value("apply", nlohmann::json::array())) {
    paths.push_back((folder / path.get<std::string>()).string());
  }
  return paths.empty() ? std::vector<manifest::Source>() : manifest::read_sources(paths);
}

Diagnostic unreadable(const manifest::Object& document, const Error& error) {
  return {Severity::Error, document.where, "spec", error.message(), error.hint()};
}

// What a scenario is run as, once for each: what its Cluster then says, and the variables that tell.
struct Variant {
  std::string label;
  json cluster = json::object();  // a merge patch of the Cluster's spec
  Variables variables;
};

json families_of(const std::string& word) {
  return word == "dual" ? json{"IPv4", "IPv6"} : json::array({word});
}

std::vector<Variant> variants_of(const json& spec) {
  std::vector<Variant> variants{{}};
  const json expand = spec.value("expand", json::object());
  for (const char* axis : {"families", "network", "dataplane"}) {
    const json words = expand.value(axis, json::array());
    if (words.empty()) {
      continue;
    }
    std::vector<Variant> more;
    for (const Variant& variant : variants) {
      for (const json& value : words) {
        const auto word = value.get<std::string>();
        Variant next = variant;
        next.label += (next.label.empty() ? "" : ",") + word;
        next.variables[axis] = word;
        next.cluster.merge_patch(axis == std::string_view("families")
                                     ? json{{"ipFamilies", families_of(word)}}
                                 : axis == std::string_view("network") ? json{{"network", {{"mode", word}}}}
                                                                       : json{{"dataplane", word}});
        more.push_back(std::move(next));
      }
    }
    variants = std::move(more);
  }
  return variants;
}

// The Cluster with what a variant changes; nodes keep the labels that Node objects gave them.
model::Cluster vary(const model::Cluster& cluster, json spec, const Variant& variant,
                    const std::string& name) {
  if (variant.cluster.empty()) {
    return cluster;
  }
  spec.merge_patch(variant.cluster);
  model::Cluster varied = manifest::decode_cluster(spec, name);
  for (size_t i = 0; i < varied.nodes.size() && i < cluster.nodes.size(); ++i) {
    varied.nodes[i].labels = cluster.nodes[i].labels;
  }
  return varied;
}

void complete(manifest::Object document, const fs::path& folder, Discovered& found) {
  const json& spec = document.json["spec"];
  Scenario base;
  base.folder = folder;
  base.document = document;
  const json vars = spec.value("vars", json::object());
  for (const auto& [name, value] : vars.items()) {
    base.variables[name] = text_of(value);
  }
  try {
    manifest::LoadOptions options;
    options.default_name = document.name;
    const std::vector<manifest::Source> sources = lab_sources(spec, folder);
    const bool is_inline = spec.contains("cluster") && spec["cluster"].is_object();
    if (is_inline) {
      base.cluster = manifest::decode_cluster(spec["cluster"], document.name);
      options.allow_cluster = false;
      for (const model::Node& node : base.cluster.nodes) {
        options.known_nodes.insert(node.name);
      }
    }
    manifest::Loaded loaded = manifest::load(sources, options);
    if (!is_inline) {
      base.cluster = manifest::cluster_or_default(loaded, document.name);
    }
    base.objects = std::move(loaded.objects);
    add(found.diagnostics, std::move(loaded.diagnostics));
    const json cluster_spec = is_inline                       ? spec["cluster"]
                              : loaded.cluster_spec.is_null() ? json::object()
                                                              : loaded.cluster_spec;
    for (Variant& variant : variants_of(spec)) {
      Scenario scenario = base;
      scenario.name = document.name + (variant.label.empty() ? "" : "[" + variant.label + "]");
      scenario.cluster = vary(base.cluster, cluster_spec, variant, document.name);
      for (auto& [name, value] : variant.variables) {
        scenario.variables[name] = value;
      }
      found.scenarios.push_back(std::move(scenario));
    }
  } catch (const Error& error) {
    found.diagnostics.push_back(unreadable(document, error));
  }
}

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

}  // namespace

Discovered discover(const std::vector<std::string>& paths) {
  Discovered found;
  std::set<fs::path> seen;
  for (const std::string& path : paths) {
    for (const fs::path& file : files_of(path)) {
      if (!seen.insert(fs::canonical(file)).second) {
        continue;
      }
      manifest::Loaded loaded = manifest::load(manifest::read_sources({file.string()}), {});
      add(found.diagnostics, std::move(loaded.diagnostics));
      for (manifest::Object& document : loaded.scenarios) {
        if (document.kind == "Scenario") {
          complete(std::move(document), file.parent_path(), found);
        }
      }
    }
  }
  refuse_namesakes(found);
  return found;
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

}  // namespace labctl::scenario
